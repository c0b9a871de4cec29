// Checks DKIM signatures with mailauth. The first argument is the folder of its package, the second a JSON file of DNS
// records, the others are messages. Prints, for each message, a JSON list with true or false for each signature.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const [folder, recordsFile, ...messages] = process.argv.slice(2);
const { dkimVerify } = createRequire(path.join(folder, "x.js"))("mailauth/lib/dkim/verify");
const records = JSON.parse(fs.readFileSync(recordsFile, "utf8"));
const resolver = async (name, type) => {
    if (type === "TXT" && records[name]) {
        return [[records[name]]];
    }
    const error = new Error("no such name");
    error.code = "ENOTFOUND";
    throw error;
};

for (const file of messages) {
    const { results } = await dkimVerify(fs.readFileSync(file), { resolver });
    console.log(JSON.stringify(results.map((r) => r.status?.result === "pass")));
}
