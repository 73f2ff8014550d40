.PHONY: demo docs test

demo docs test:
	python3 dev.py $@
