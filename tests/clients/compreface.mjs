// An application in JavaScript: compares what it is told to, and says which of its branches it took
// and what it was answered.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { modules, port, cases } = JSON.parse(readFileSync(0));
const sdk = pathToFileURL(`${modules}/@exadel/compreface-js-sdk/index.js`);
const { CompreFace } = await import(sdk);

const BRANCHES = {
  0: "sorry",
  10: "who are you",
  20: "who are you",
  21: "no picture",
  26: "not like that",
  28: "no face",
  31: "several faces",
  41: "later",
};

async function taken({ key, source, target, base64, options }) {
  const picture = (name) => (base64 ? readFileSync(name, "base64") : `./${name}`);
  const service = new CompreFace("http://127.0.0.1", port).initFaceVerificationService(key);
  try {
    const { result } = await service.verify(picture(source), picture(target), options);
    const [{ similarity }] = result[0].face_matches;
    return [similarity >= 0.5 ? "same" : "another", result[0]];
  } catch (error) {
    const { data } = error.response;
    return [BRANCHES[data.code] ?? data.code, data];
  }
}

const branches = [];
for (const each of cases) branches.push(await taken(each));
console.log(JSON.stringify(branches));
