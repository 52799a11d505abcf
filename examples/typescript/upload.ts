// Uploads articles with the generated stubs, acknowledged one by one, and shows what they mention.
// Run again it goes on where the upload stands: nothing counts twice.

import { create } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { GatewayService, StreamArticlesRequestSchema } from "./gen/newstally/v1/gateway_pb.js";
import { TallyService } from "./gen/newstally/v1/tally_pb.js";
import { type Upload, UploadService } from "./gen/newstally/v1/upload_pb.js";

const UPLOAD_ID = "example-typescript";
const PUBLICATION = "The TypeScript Example";
const ARTICLES = [
  { publication: PUBLICATION, content: "Angela Merkel met NATO in Berlin." },
  { publication: PUBLICATION, content: "Berlin welcomed Angela Merkel." },
  { publication: PUBLICATION, content: "" }, // refused, and ends nothing
];
// What passes: the gateway restarts, has no room, or a connection breaks in the middle.
const PASSING = new Set([Code.Unavailable, Code.Aborted, Code.Internal, Code.Unknown]);

const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

function* requests(first: number) {
  for (let offset = first; offset < ARTICLES.length; offset++) {
    yield create(StreamArticlesRequestSchema, {
      uploadId: UPLOAD_ID,
      offset: BigInt(offset),
      article: ARTICLES[offset],
    });
  }
}

async function* each<T>(items: Iterable<T>) {
  yield* items;
}

async function send(gateway: Client<typeof GatewayService>, first: number) {
  for await (const response of gateway.streamArticles(each(requests(first)))) {
    if (response.event.case === "refusal") {
      const { offset, message } = response.event.value;
      console.error(`article ${offset} is refused: ${message}`);
    }
  }
}

async function main(target: string) {
  const transport = createGrpcTransport({ baseUrl: `http://${target}` });
  const gateway = createClient(GatewayService, transport);
  const uploads = createClient(UploadService, transport);
  const tallies = createClient(TallyService, transport);

  await uploads.createUpload({ uploadId: UPLOAD_ID });
  let upload: Upload;
  for (;;) {
    // After any failure the gateway is asked how the upload stands: only the journal knows.
    upload = (await uploads.getUpload({ uploadId: UPLOAD_ID })).upload!;
    if (Number(upload.nextOffset) === ARTICLES.length) break;
    try {
      await send(gateway, Number(upload.nextOffset));
    } catch (error) {
      if (!PASSING.has(ConnectError.from(error).code)) throw error;
      await sleep(1);
    }
  }
  console.log(`${upload.counted} counted, ${upload.refused} refused`);

  while (upload.appliedOffset < upload.nextOffset) {
    await sleep(0.2);
    upload = (await uploads.getUpload({ uploadId: UPLOAD_ID })).upload!;
  }
  const page = await tallies.listEntityTallies({ publication: PUBLICATION, pageSize: 10 });
  for (const tally of page.entityTallies) {
    console.log(`${tally.name || tally.text} (${tally.label}): ${tally.mentions}`);
  }
}

await main(process.argv[2] ?? "127.0.0.1:50051");
