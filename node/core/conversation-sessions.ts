/**
 * Encrypts and decrypts for one device at a time: composes contents, keeps the session that moved, and says plainly when
 * there is none. Does not decide when to send, whom to trust, or what a content means.
 */
import { identityKeyOf } from '../../protocol/crypto/primitives.ts'
import { envelopeIdOf, idBytes, messageIdLength, type DeviceId } from '../../protocol/ids.ts'

import type {
  DecryptFailure,
  InitiateFailure,
  MessageType,
  OwnIdentity,
  PreKeyBundle,
  Sessions,
} from '../../protocol/session/types.ts'
import { content, type Content } from '../../protocol/wire/content.ts'
import type { Draft } from './draft.ts'
import type { Encrypted } from './state.ts'

export type Decrypted =
  { readonly ok: true; readonly content: Content | undefined } | { readonly ok: false; readonly reason: DecryptFailure }

export class ConversationSessions {
  readonly #sessions: Sessions
  readonly #own: OwnIdentity

  constructor(sessions: Sessions, own: OwnIdentity) {
    this.#sessions = sessions
    this.#own = own
  }

  has(device: DeviceId, draft: Draft): boolean {
    const record = draft.session(device)
    return record !== undefined && this.#sessions.hasSession(record, draft.nowMs)
  }

  /** Opens a session towards a device; undefined when it worked. */
  initiate(device: DeviceId, bundle: PreKeyBundle, draft: Draft): InitiateFailure | undefined {
    const opened = this.#sessions.initiate({
      own: this.#own,
      theirIdentityKey: this.#identityKey(device),
      bundle,
      record: draft.session(device),
      random: draft.random,
      nowMs: draft.nowMs,
    })
    if (!opened.ok) return opened.reason
    draft.putSession(device, opened.record)
    return undefined
  }

  /** Undefined when there is no session to encrypt with. */
  encrypt(device: DeviceId, message: Content, draft: Draft): Encrypted | undefined {
    const record = draft.session(device)
    if (record === undefined) return undefined
    const sealed = this.#sessions.encrypt({
      own: this.#own,
      record,
      plaintext: content.encode(message),
      random: draft.random,
      nowMs: draft.nowMs,
    })
    if (!sealed.ok) return undefined
    draft.putSession(device, sealed.record)
    return {
      envelopeId: envelopeIdOf(draft.random.bytes(messageIdLength)),
      type: sealed.type,
      ciphertext: sealed.bytes,
    }
  }

  /** Moves the session, and uses up what a first message used, only if the message is genuine. */
  decrypt(device: DeviceId, type: MessageType, bytes: Uint8Array, draft: Draft): Decrypted {
    const opened = this.#sessions.decrypt({
      own: this.#own,
      theirIdentityKey: this.#identityKey(device),
      record: draft.session(device),
      type,
      bytes,
      preKeys: draft.reads,
      random: draft.random,
      nowMs: draft.nowMs,
    })
    if (!opened.ok) return opened
    draft.putSession(device, opened.record)
    if (opened.used !== undefined) {
      if (opened.used.preKeyId !== undefined) draft.keep({ kind: 'drop-prekey', id: opened.used.preKeyId })
      draft.keep({ kind: 'add-base-key', mark: opened.used.mark })
    }
    return { ok: true, content: content.decode(opened.plaintext) }
  }

  #identityKey(device: DeviceId): Uint8Array {
    const known = identityKeys.get(device)
    if (known !== undefined) return known
    const key = identityKeyOf(idBytes(device))
    if (identityKeys.size >= cachedKeysMax) identityKeys.clear()
    identityKeys.set(device, key)
    return key
  }
}

/** Converting a key costs more than looking it up, and is the same for everyone. */
const identityKeys = new Map<DeviceId, Uint8Array>()
const cachedKeysMax = 16_384
