"""What reports are made of: statistics of counts, charts as SVG, pages as HTML."""
