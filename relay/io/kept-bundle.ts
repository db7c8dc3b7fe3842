/** A bundle as a store keeps it: without its one-time key, in the form in which it will be sent. */
import { LocalError } from '../../protocol/errors.ts'
import { directoryFrame, type SignedBundle } from '../../protocol/wire/directory.ts'

export function encodeBundle(bundle: SignedBundle): Uint8Array {
  return directoryFrame.encode({ kind: 'bundle', bundle })
}

export function decodeBundle(bytes: Uint8Array): SignedBundle {
  const frame = directoryFrame.decode(bytes)
  if (frame?.kind !== 'bundle') throw new LocalError('a bundle in the database cannot be read')
  return frame.bundle
}
