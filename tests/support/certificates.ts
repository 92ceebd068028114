/** Certificates of one's own, made by the openssl command. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** An authority, and a certificate by it for 127.0.0.1, which serves and which is shown to servers. */
export interface Certificates extends AsyncDisposable {
  readonly files: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Makes them in a folder of their own. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), "worq-tls-"));
  const at = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => run("openssl", args, { cwd: folder });
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const authority = ["-x509", "-days", "2", "-subj", "/CN=worq test authority"];
  await openssl("req", ...authority, ...curve, "-keyout", "ca.key", "-out", "ca.crt");
  await openssl("req", ...curve, "-subj", "/CN=worq", "-keyout", "worq.key", "-out", "worq.csr");
  await writeFile(at("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
  const by = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"];
  const signed = ["-req", "-in", "worq.csr", "-days", "2", "-extfile", "names"];
  await openssl("x509", ...signed, ...by, "-out", "worq.crt");
  const files = { ca: at("ca.crt"), cert: at("worq.crt"), key: at("worq.key") };
  const [ca, cert, key] = await Promise.all(
    [files.ca, files.cert, files.key].map((file) => readFile(file, "utf8")),
  ) as [string, string, string];
  const remove = () => rm(folder, { recursive: true, force: true });
  return { files, ca, cert, key, [Symbol.asyncDispose]: remove };
}
