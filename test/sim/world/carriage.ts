/**
 * Frames on their way: either through the real codecs, so that what one side may say the other can read and the bytes are
 * the real ones, or as they are, with their size estimated, for thousands of devices.
 */
import type { Codec } from '../../../protocol/codec/schema.ts'
import { directFrame, type DirectFrame } from '../../../protocol/wire/direct.ts'
import { directoryFrame, type DirectoryFrame } from '../../../protocol/wire/directory.ts'
import { mailboxFrame, type MailboxFrame } from '../../../protocol/wire/mailbox.ts'
import type { World } from './world.ts'
import type { End } from './wire.ts'

export interface Carriage {
  direct(end: End, frame: DirectFrame): boolean
  directory(end: End, frame: DirectoryFrame): boolean
  mailbox(end: End, frame: MailboxFrame): boolean
}

/** Varint length in front of each frame, and the multiplexer's and Noise's share. */
const overheadBytes = 40

export function checkedCarriage(world: World): Carriage {
  const through = <T extends { kind: string }>(codec: Codec<T>) => {
    return (end: End, frame: T): boolean => {
      const bytes = codec.encode(frame)
      const read = codec.decode(bytes)
      if (read === undefined) {
        world.complain('frames can be read', `a ${frame.kind} frame of ours does not decode`)
        return false
      }
      return end.send(read, bytes.length + overheadBytes)
    }
  }
  return { direct: through(directFrame), directory: through(directoryFrame), mailbox: through(mailboxFrame) }
}

export const estimatedCarriage: Carriage = {
  direct: (end, frame) =>
    end.send(frame, overheadBytes + (frame.kind === 'message' ? frame.ciphertext.length + 26 : 24)),
  directory: (end, frame) => end.send(frame, overheadBytes + directoryBytes(frame)),
  mailbox: (end, frame) => end.send(frame, overheadBytes + mailboxBytes(frame)),
}

const bundleBytes = 1_860
const cardBytes = 300

function directoryBytes(frame: DirectoryFrame): number {
  if (frame.kind === 'publish') return bundleBytes + cardBytes + 45 * frame.preKeys.length
  if (frame.kind === 'bundle') return bundleBytes + 45
  return frame.kind === 'card' ? cardBytes : 40
}

function mailboxBytes(frame: MailboxFrame): number {
  switch (frame.kind) {
    case 'deposit':
      return 70 + frame.envelope.sealed.length
    case 'page':
      return frame.envelopes.reduce((sum, { sealed }) => sum + sealed.length + 34, 8)
    case 'stored':
      return 140
    case 'ack':
      return 18 * frame.ids.length
    case 'tombstones':
      return 30 * frame.lost.length
    case 'delivered':
    case 'refused':
    case 'room':
    case 'lost':
    case 'subscribe':
    case 'more':
    case 'prekeys-left':
    case 'closing':
      return 40
  }
}
