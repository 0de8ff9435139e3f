// Read INBOX with ImapFlow, every field; prints the seconds of the fetch and how many messages it saw.
// Usage: node rival_imapflow.cjs HOST PORT USER PASSWORD envelope|header NAME ...; NODE_PATH leads to ImapFlow.
"use strict";

const { ImapFlow } = require("imapflow");
const { performance } = require("node:perf_hooks");

const [host, port, user, pass, job, ...names] = process.argv.slice(2);
let sink;  // what is read goes here, so that no reading is optimised away

function readAddresses(addresses) {
    for (const { name, address } of addresses || []) sink = [name, address];
}

function readEnvelope({ uid, flags, internalDate, size, envelope }) {
    sink = [uid, flags, internalDate, size];
    sink = [envelope.date, envelope.subject, envelope.inReplyTo, envelope.messageId];
    for (const field of ["from", "sender", "replyTo", "to", "cc", "bcc"]) readAddresses(envelope[field]);
    return true;
}

function readHeader({ uid, headers }) {
    sink = [uid, headers];
    return headers !== undefined;
}

async function main() {
    const client = new ImapFlow({
        host, port: Number(port), secure: false, doSTARTTLS: false, disableCompression: true, auth: { user, pass },
        logger: false, disableAutoIdle: true,
    });
    await client.connect();
    await client.mailboxOpen("INBOX", { readOnly: true });
    const isEnvelope = job === "envelope";
    const query = isEnvelope
        ? { uid: true, flags: true, internalDate: true, size: true, envelope: true }
        : { uid: true, headers: names };
    const read = isEnvelope ? readEnvelope : readHeader;
    let count = 0;
    const start = performance.now();
    for await (const message of client.fetch("1:*", query, { uid: true })) count += read(message);
    const seconds = (performance.now() - start) / 1000;
    await client.logout();
    console.log(seconds, count);
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
