import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

export interface Certificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/**
 * A certificate for loopback that is its own authority, made without any tool: clients such as kubectl send a bearer
 * token only over TLS. `hosts` are names or IPv4 addresses; it is valid for 30 days around `nowMs`.
 */
export function createSelfSignedCertificate(hosts: readonly string[], nowMs: number): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'der' },
  });
  const ecdsaWithSha256 = sequence(oid([1, 2, 840, 10_045, 4, 3, 2]));
  const name = sequence(set(sequence(oid([2, 5, 4, 3]), tagged(0x0c, Buffer.from('couchestor-simulator')))));
  const dayMs = 86_400_000;
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(randomBytes(15)),
    ecdsaWithSha256,
    name,
    sequence(time(nowMs - dayMs), time(nowMs + 30 * dayMs)),
    name,
    publicKey,
    tagged(0xa3, sequence(...extensions(hosts))),
  );
  const signature = sign('sha256', body, createPrivateKey(privateKey));
  return {
    certificatePem: pem('CERTIFICATE', sequence(body, ecdsaWithSha256, bitString(signature))),
    keyPem: privateKey,
  };
}

function extensions(hosts: readonly string[]): Buffer[] {
  const names = hosts.map((host) =>
    isIPv4(host) ? tagged(0x87, Buffer.from(host.split('.').map(Number))) : tagged(0x82, Buffer.from(host)),
  );
  const isAuthority = sequence(tagged(0x01, Buffer.from([0xff])));
  // digitalSignature and keyCertSign
  const keyUsage = tagged(0x03, Buffer.from([0x02, 0x84]));
  const serverAuthentication = sequence(oid([1, 3, 6, 1, 5, 5, 7, 3, 1]));
  return [
    extension([2, 5, 29, 19], isAuthority, true),
    extension([2, 5, 29, 15], keyUsage, true),
    extension([2, 5, 29, 37], serverAuthentication, false),
    extension([2, 5, 29, 17], sequence(...names), false),
  ];
}

function extension(id: readonly number[], value: Buffer, isCritical: boolean): Buffer {
  const critical = isCritical ? [tagged(0x01, Buffer.from([0xff]))] : [];
  return sequence(oid(id), ...critical, tagged(0x04, value));
}

/** One value of DER: tag, length, content. */
function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = rest >> 8) bytes.unshift(rest & 0xff);
  return Buffer.concat([Buffer.from([tag, 0x80 | bytes.length, ...bytes]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function set(...parts: readonly Buffer[]): Buffer {
  return tagged(0x31, Buffer.concat(parts));
}

/** A positive integer from its bytes: none of them needless, with a leading zero where the first bit would be a sign. */
export function integer(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = first === -1 ? Buffer.from([0]) : bytes.subarray(first);
  return tagged(0x02, digits.readUInt8(0) < 0x80 ? digits : Buffer.concat([Buffer.from([0]), digits]));
}

function bitString(bytes: Buffer): Buffer {
  return tagged(0x03, Buffer.concat([Buffer.from([0]), bytes]));
}

function oid(arcs: readonly number[]): Buffer {
  const [first = 0, second = 0, ...rest] = arcs;
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const septets = [arc & 0x7f];
    for (let remaining = arc >> 7; remaining > 0; remaining >>= 7) septets.unshift((remaining & 0x7f) | 0x80);
    bytes.push(...septets);
  }
  return tagged(0x06, Buffer.from(bytes));
}

/** UTCTime, which reaches to the year 2049. */
function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(2, 14);
  return tagged(0x17, Buffer.from(`${text}Z`));
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
