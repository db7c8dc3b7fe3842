/**
 * What ties a group message to its group, to the state of the group it was written under, and to its sender. The
 * format of sender keys authenticates a key and no more: a member could hand somebody's key on under another group's
 * or person's name, and a message from before a removal would pass for one from after it. So the first 32 bytes of
 * what is encrypted are a hash of all three, and a message that says otherwise is refused.
 */
import { concatBytes, equalBytes, uint32Be, utf8Bytes } from '../crypto/bytes.ts'
import { sha256 } from '../crypto/primitives.ts'

/** All of any length up to 2^32 bytes; both sides must mean the same bytes by them. */
export interface GroupContext {
  readonly groupId: Uint8Array
  /** The group's state: a number, or a hash of its roster, encoded by the caller. */
  readonly epoch: Uint8Array
  /** Who speaks: the sending device's identity key or peer id. */
  readonly sender: Uint8Array
}

const hashLabel = utf8Bytes('Linnet group message 1')

const bindingBytes = 32

/** The plaintext to encrypt with the sender key. */
export function bindToGroup(context: GroupContext, content: Uint8Array): Uint8Array {
  return concatBytes(bindingOf(context), content)
}

/** The content, or undefined when the message was written for another group, epoch or sender. */
export function openBound(context: GroupContext, plaintext: Uint8Array): Uint8Array | undefined {
  const binding = plaintext.subarray(0, bindingBytes)
  return equalBytes(binding, bindingOf(context)) ? plaintext.slice(bindingBytes) : undefined
}

function bindingOf({ groupId, epoch, sender }: GroupContext): Uint8Array {
  // Lengths in front, so that no two contexts run together into the same bytes.
  const parts = [hashLabel, groupId, epoch, sender].flatMap((part) => [uint32Be(part.length), part])
  return sha256(concatBytes(...parts))
}
