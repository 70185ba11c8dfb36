// node node_hl7_client_send.js PORT FILE COUNT: sends the message in FILE over one connection, its MSH-10 replaced by C1,
// C2, and so on; prints MSA-1 and MSA-2 of each answer.
const fs = require("node:fs");
const { Client, Message } = require("node-hl7-client");

const [port, file, count] = process.argv.slice(2);
const text = fs.readFileSync(file, "utf-8");
const client = new Client({ host: "127.0.0.1" });
let answered = 0;
const connection = client.createConnection({ port: Number(port) }, async (response) => {
  const answer = response.getMessage();
  console.log(answer.get("MSA.1").toString(), answer.get("MSA.2").toString());
  answered += 1;
  if (answered < Number(count)) await send(answered + 1);
  else process.exit(0);
});

async function send(number) {
  await connection.sendMessage(new Message({ text: text.replace(/\|MSG\d+\|/, `|C${number}|`) }));
}

connection.on("client.error", (error) => {
  throw error;
});
send(1);
