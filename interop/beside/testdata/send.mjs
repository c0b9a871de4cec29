// Sends as many mails as each line of its input says over one connection, one after the other, with nodemailer.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
const [folder, host, port, lmtp, from, to, raw] = process.argv.slice(2);
const nodemailer = createRequire(folder + "/x.js")("nodemailer");
const transport = nodemailer.createTransport({
  pool: true, maxConnections: 1, maxMessages: Infinity, host, port: Number(port), lmtp: lmtp === "true", ignoreTLS: true,
});
for await (const line of createInterface({ input: process.stdin })) {
  try {
    for (let i = Number(line); i > 0; i--) await transport.sendMail({ envelope: { from, to }, raw });
    console.log("sent");
  } catch (err) {
    console.log(String(err.message).split("\n")[0]);
  }
}
transport.close();
