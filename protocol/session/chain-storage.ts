/** The stored form of a symmetric-key chain, alone and with the seeds kept for late messages. */
import { Secret } from '../crypto/secret.ts'
import type { Chain, TheirChain } from './chain.ts'
import { skippedKeysMax } from './limits.ts'
import type { ByteReader, ByteWriter } from './stored-bytes.ts'

export function writeChain(out: ByteWriter, chain: Chain): void {
  out.number(chain.index)
  out.fixed(chain.key.bytes)
}

export function readChain(from: ByteReader): Chain {
  return { index: from.number(), key: new Secret(from.fixed(32)) }
}

export function writeTheirChain(out: ByteWriter, their: TheirChain): void {
  writeChain(out, their.chain)
  out.list(their.skipped, ({ index, seed }) => {
    out.number(index)
    out.fixed(seed.bytes)
  })
}

export function readTheirChain(from: ByteReader): TheirChain {
  return {
    chain: readChain(from),
    skipped: from.list(skippedKeysMax, () => ({ index: from.number(), seed: new Secret(from.fixed(32)) })),
  }
}
