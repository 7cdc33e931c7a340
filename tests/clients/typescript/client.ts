// What an integrator writes against the generated client: asks, follows fills over a lost connection from the
// last one on, places an order. Driven by lines on standard input; each thing that happens is a line of JSON.
//
// node client.js grpc unix:/path/control.sock | connect URL | grpc-web URL, with the token in KRAKENCOPY_TOKEN.
import { connect as dial } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { Code, ConnectError, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";

import { ErrorInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { ControlService } from "./gen/krakencopy/v1/control_pb.js";
import { Side } from "./gen/krakencopy/v1/types_pb.js";

const [protocol = "", target = ""] = process.argv.slice(2);
const token = process.env["KRAKENCOPY_TOKEN"] ?? "";
const DIAL_AGAIN_MS = 100;
const CALL_MS = 20_000;

const withToken: Interceptor = (next) => async (request) => {
  if (token) request.header.set("authorization", `Bearer ${token}`);
  return next(request);
};

function transport(): Transport {
  const options = { interceptors: [withToken], httpVersion: "1.1" as const, baseUrl: target };
  if (protocol === "connect") return createConnectTransport(options);
  if (protocol === "grpc-web") return createGrpcWebTransport(options);
  const path = target.replace(/^unix:/, "");
  return createGrpcTransport({
    baseUrl: "http://localhost",
    interceptors: [withToken],
    nodeOptions: { createConnection: () => dial(path) },
  });
}

const control = createClient(ControlService, transport());
const say = (event: object) => process.stdout.write(`${JSON.stringify(event)}\n`);
const ending = new AbortController();

function reasonOf(error: ConnectError): string {
  return error.findDetails(ErrorInfoSchema)[0]?.reason ?? "";
}

// From the fill after the last one, over every connection that is lost, until it is ended.
async function follow(afterSeq: bigint): Promise<void> {
  for (let last = afterSeq; ; ) {
    try {
      const fills = control.watchFills({ afterSeq: last }, { signal: ending.signal });
      for await (const { fill } of fills) {
        if (!fill) continue;
        last = fill.seq;
        say({ fill: Number(fill.seq), pair: fill.pair, volume: fill.volume });
      }
      say({ lost: "the end" });
    } catch (caught) {
      const error = ConnectError.from(caught);
      if (ending.signal.aborted) return;
      // A new front or gateway refuses nothing of a watch; what it cannot go on from is no lost connection.
      if (error.code === Code.OutOfRange || error.code === Code.Unauthenticated) throw error;
      say({ lost: Code[error.code] });
    }
    await sleep(DIAL_AGAIN_MS);
  }
}

async function order(requestId: string, volume: string): Promise<void> {
  const asked = { requestId, pair: "BTC/USD", side: Side.BUY, volume };
  const placed = await control.placeOrder(asked, { timeoutMs: CALL_MS });
  say({ order: placed.orderId });
}

async function refused(accountId: string): Promise<void> {
  try {
    await control.getAccount({ accountId }, { timeoutMs: CALL_MS });
    say({ refused: null });
  } catch (caught) {
    const error = ConnectError.from(caught);
    say({ refused: Code[error.code], reason: reasonOf(error) });
  }
}

const status = await control.getStatus({}, { timeoutMs: CALL_MS });
say({ ready: status.ready, headSeq: Number(status.headSeq) });
const following = follow(0n);
for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...words] = line.split(" ");
  if (command === "order") await order(words[0] ?? "", words[1] ?? "");
  else if (command === "refused") await refused(words[0] ?? "");
  else break;
}
ending.abort();
await following;
// Standard input and a connection that may be used again would keep it.
process.exit(0);
