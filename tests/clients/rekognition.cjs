// An application in JavaScript: compares what it is told to, and says which of its branches it took.
const fs = require("node:fs");
const { modules, url, cases } = JSON.parse(fs.readFileSync(0, "utf8"));
const { RekognitionClient, CompareFacesCommand } = require(`${modules}/@aws-sdk/client-rekognition`);

const BRANCHES = {
  InvalidParameterException: "no face",
  ImageTooLargeException: "too large",
  InvalidImageFormatException: "no picture",
  ProvisionedThroughputExceededException: "slower",
  InternalServerError: "later",
};

async function branch({ id, secret, path = "", source, target, skew = 0 }) {
  const client = new RekognitionClient({
    endpoint: url + path,
    region: "eu-west-1",
    credentials: { accessKeyId: id, secretAccessKey: secret },
    systemClockOffset: skew,
    maxAttempts: 1,
  });
  const read = (file) => ({ Bytes: fs.readFileSync(file) });
  const command = new CompareFacesCommand({ SourceImage: read(source), TargetImage: read(target) });
  try {
    const reply = await client.send(command);
    return reply.FaceMatches.length ? "same" : "another";
  } catch (error) {
    return BRANCHES[error.name] ?? error.name;
  }
}

(async () => {
  const taken = [];
  for (const each of cases) taken.push(await branch(each));
  console.log(JSON.stringify(taken));
})();
