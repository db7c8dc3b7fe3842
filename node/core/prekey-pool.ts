/**
 * Keeps enough prekeys where others find them: a hundred one-time keys at each relay, a signed and a Kyber key replaced
 * every week, whose private halves stay as long as a message to them can still be on its way; so do those of one-time keys
 * that no directory holds any more. What is published is decided here; when, in `own-relays.ts`.
 */
import {
  clockSkewMsMax,
  messageLifeMs,
  preKeysOutstandingMax,
  preKeysPublished,
  signedPreKeyKeptMs,
  signedPreKeyLifeMs,
} from '../../protocol/limits.ts'
import type { KyberPreKey, OwnIdentity, Sessions, SignedPreKey } from '../../protocol/session/types.ts'
import type { SignedCard } from '../../protocol/wire/card.ts'
import type { Publication, PublicPreKey, SignedBundle } from '../../protocol/wire/directory.ts'
import type { Draft } from './draft.ts'
import type { Reads } from './reads.ts'

/** Signal's ids are 24 bits and never 0; a device's keys are spent long before they wrap. */
const preKeyIdMax = 0xff_fffe
/** Fields are libsignal's; each account's devices are told apart by their own keys, so this is always 1. */
const signalDeviceId = 1

/** As long as a message under it can be on its way. */
const preKeySpentKeptMs = messageLifeMs + clockSkewMsMax

interface SpentKeys {
  readonly upTo: number
  readonly sinceMs: number
}

export class PreKeyPool {
  readonly #sessions: Sessions
  readonly #own: OwnIdentity
  #signed: SignedPreKey | undefined
  #kyber: KyberPreKey | undefined
  #version: number
  #nextId: number
  /** For each directory: none of the keys up to this id, given to it before, is held there since. */
  readonly #spent: Map<string, SpentKeys>

  constructor(sessions: Sessions, own: OwnIdentity, reads: Reads) {
    this.#sessions = sessions
    this.#own = own
    this.#signed = reads.signedPreKeys().toSorted((a, b) => b.createdMs - a.createdMs)[0]
    this.#kyber = reads.kyberPreKeys().toSorted((a, b) => b.createdMs - a.createdMs)[0]
    this.#version = readNumber(reads.fact('bundle-version')) ?? 0
    this.#nextId = readNumber(reads.fact('next-prekey')) ?? 1
    const spent = reads.fact('spent-prekeys')
    this.#spent = new Map(spent && (JSON.parse(new TextDecoder().decode(spent)) as [string, SpentKeys][]))
  }

  /** Replaces what is too old and forgets what nobody can still be using. True when the bundle changed. */
  rotate(draft: Draft): boolean {
    const due = this.#signed === undefined || this.#signed.createdMs + signedPreKeyLifeMs <= draft.nowMs
    if (due || this.#kyber === undefined) {
      this.#signed = this.#sessions.generateSignedPreKey(this.#own, this.#takeIds(1, draft), draft.random, draft.nowMs)
      this.#kyber = this.#sessions.generateKyberPreKey(this.#own, this.#takeIds(1, draft), draft.random, draft.nowMs)
      draft.keep({ kind: 'put-signed-prekey', preKey: this.#signed })
      draft.keep({ kind: 'put-kyber-prekey', preKey: this.#kyber })
      this.raiseVersion(draft)
    }
    for (const old of draft.reads.signedPreKeys()) {
      if (old.createdMs + signedPreKeyKeptMs <= draft.nowMs) draft.keep({ kind: 'drop-signed-prekey', id: old.id })
    }
    for (const old of draft.reads.kyberPreKeys()) {
      if (old.createdMs + signedPreKeyKeptMs <= draft.nowMs) draft.keep({ kind: 'drop-kyber-prekey', id: old.id })
    }
    for (const [directory, { upTo, sinceMs }] of this.#spent) {
      if (sinceMs + preKeySpentKeptMs > draft.nowMs) continue
      const old = draft.reads.preKeysOf(directory).filter((id) => id <= upTo)
      for (const id of old) draft.keep({ kind: 'drop-prekey', id })
      this.#spent.delete(directory)
      this.#keepSpent(draft)
    }
    return due
  }

  /**
   * A directory says that it holds no one-time key of ours: all that it had are handed out, or it lost its disk. A message
   * under one of them may still be on its way.
   */
  spent(directory: string, draft: Draft): void {
    const known = this.#spent.get(directory)
    // What is noted is let run out first; the keys since then are noted the next time.
    if (known !== undefined || draft.reads.preKeysOf(directory).length === 0) return
    this.#spent.set(directory, { upTo: this.#nextId - 1, sinceMs: draft.nowMs })
    this.#keepSpent(draft)
  }

  /** A directory holds a later version than we remember giving it: count on from there. */
  raiseVersion(draft: Draft): void {
    this.#version = Math.max(this.#version + 1, draft.nowMs)
    draft.keep({ kind: 'put-fact', key: 'bundle-version', value: writeNumber(this.#version) })
  }

  bundle(): SignedBundle | undefined {
    if (this.#signed === undefined || this.#kyber === undefined) return undefined
    return {
      registrationId: this.#own.registrationId,
      deviceId: signalDeviceId,
      identityKey: this.#own.identityKey,
      signedPreKeyId: this.#signed.id,
      signedPreKey: this.#signed.publicKey,
      signedPreKeySignature: this.#signed.signature,
      kyberPreKeyId: this.#kyber.id,
      kyberPreKey: this.#kyber.publicKey,
      kyberPreKeySignature: this.#kyber.signature,
    }
  }

  /** What each relay of ours has or is to have; nothing before the first keys and the first card are made. */
  publication(card: SignedCard | undefined, preKeys: readonly PublicPreKey[] = []): Publication | undefined {
    const bundle = this.bundle()
    if (card === undefined || bundle === undefined) return undefined
    return { kind: 'publish', version: this.#version, card, bundle, preKeys }
  }

  /** New one-time keys for one directory, so that it has `preKeysPublished` again; none twice, none in two places. */
  refill(directory: string, left: number, draft: Draft): readonly PublicPreKey[] {
    const outstanding = draft.reads.preKeysOf(directory).length
    return this.make(directory, Math.min(preKeysPublished - left, preKeysOutstandingMax - outstanding), draft)
  }

  make(directory: string, count: number, draft: Draft): readonly PublicPreKey[] {
    if (count <= 0) return []
    const preKeys = this.#sessions.generatePreKeys(this.#takeIds(count, draft), count, draft.random)
    draft.keep({ kind: 'add-prekeys', preKeys: preKeys.map((preKey) => ({ ...preKey, relay: directory })) })
    return preKeys.map(({ id, publicKey }) => ({ id, key: publicKey }))
  }

  nextDeadline(): number {
    return this.#signed === undefined ? Number.POSITIVE_INFINITY : this.#signed.createdMs + signedPreKeyLifeMs
  }

  #keepSpent(draft: Draft): void {
    const value = new TextEncoder().encode(JSON.stringify([...this.#spent]))
    draft.keep({ kind: 'put-fact', key: 'spent-prekeys', value })
  }

  #takeIds(count: number, draft: Draft): number {
    const first = this.#nextId + count > preKeyIdMax ? 1 : this.#nextId
    this.#nextId = first + count
    draft.keep({ kind: 'put-fact', key: 'next-prekey', value: writeNumber(this.#nextId) })
    return first
  }
}

function writeNumber(value: number): Uint8Array {
  return new TextEncoder().encode(String(value))
}

function readNumber(bytes: Uint8Array | undefined): number | undefined {
  return bytes && Number(new TextDecoder().decode(bytes))
}
