// node simple_hl7_send.js PORT FILE COUNT: sends the message in FILE over one connection, its MSH-10 replaced by C1, C2,
// and so on; prints MSA-1 and MSA-2 of each answer.
const fs = require("node:fs");
const hl7 = require("simple-hl7");

const [port, file, count] = process.argv.slice(2);
const text = fs.readFileSync(file, "utf-8");
const parser = new hl7.Parser({ segmentSeperator: "\r" });
const client = hl7.Server.createTcpClient({ host: "127.0.0.1", port: Number(port), keepalive: true });

function send(number) {
  const message = parser.parse(text.replace(/\|MSG\d+\|/, `|C${number}|`));
  client.send(message, (error, answer) => {
    if (error) throw error;
    const msa = answer.getSegment("MSA");
    console.log(msa.getField(1).toString(), msa.getField(2).toString());
    if (number < Number(count)) setImmediate(send, number + 1);
    else client.close();
  });
}

send(1);
