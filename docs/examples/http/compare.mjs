// node compare.mjs selfie.jpg passport.jpg
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";

async function compare(probe, gallery, tries = 3) {
  const question = {
    method: "POST",
    headers: {
      Authorization: `Bearer ${process.env.FACEGATE_KEY}`,
      "Content-Type": "application/json",
      "Idempotency-Key": randomUUID(), // of the question: each try has the same
    },
    body: JSON.stringify({
      probe: probe.toString("base64"),
      gallery: gallery.map((each) => each.toString("base64")),
    }),
  };
  for (;;) {
    const signal = AbortSignal.timeout(60_000);
    const reply = await fetch(`${process.env.FACEGATE_URL}/v1/compare`, { ...question, signal });
    const said = await reply.json();
    if (reply.ok) return said;
    const wait = said.retry_after ?? 1; // a spent budget says hours
    if (!said.retryable || wait > 10 || --tries === 0)
      throw Object.assign(new Error(said.detail), said);
    await pause(1000 * wait);
  }
}

const [probe, passport] = await Promise.all(process.argv.slice(2).map((name) => readFile(name)));
try {
  const { decision, provider } = await compare(probe, [passport]);
  switch (decision) {
    case "accept":
      console.log(`the same person, says ${provider}`);
      break;
    case "review":
      console.log("a near miss: somebody has to look");
      break;
    default: // "reject", and whatever a later version may say
      console.log("not accepted");
  }
} catch (problem) {
  if (problem.code !== "CaptureRejected") throw problem; // no answer, so neither yes nor no
  console.log(`take the ${problem.image} again: ${problem.reason}`);
}
