/**
 * The directory: cards and prekey bundles, each checked at the door against the key of whom it speaks, so that a directory
 * can be silent or stale but cannot lie.
 *
 * A device publishes only about itself, and only its own account's card. A one-time prekey is handed out once: it is off
 * the disk before the reply leaves. Past its owner's rate a bundle goes out without one, as it does when none is left:
 * whoever drains a pool gains nothing by it, and cannot shut the door on others either.
 */
import { equalBytes } from '../../protocol/crypto/bytes.ts'
import { idBytes, type DeviceId } from '../../protocol/ids.ts'
import { openCard, type Card } from '../../protocol/wire/card.ts'
import type { DirectoryFrame, DirectoryRefusal, SignedBundle } from '../../protocol/wire/directory.ts'
import type { Admission } from './admission.ts'
import type { RelayLimits } from './limits.ts'
import type { Reached } from './reached.ts'
import type { ConnectionQuota, Quotas } from './quotas.ts'
import { refused, type StoreDesk } from './store-desk.ts'
import type { Answer, StoreRefusal } from './store-calls.ts'
import type { OpenStream } from './streams.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { Turn } from './turn.ts'

export interface DirectoryInit {
  readonly limits: RelayLimits
  readonly quotas: Quotas
  readonly desk: StoreDesk
  readonly subscriptions: Subscriptions
  readonly admission: Admission
  readonly reached: Reached
  /** Whether both signatures in a bundle are by its identity key. */
  readonly verifyBundle: (bundle: SignedBundle) => boolean
  /** The 33-byte Signal identity key that belongs to an Ed25519 key. */
  readonly identityKeyOf: (publicKey: Uint8Array) => Uint8Array
}

type Publish = Extract<DirectoryFrame, { kind: 'publish' }>

export class Directory {
  readonly #init: DirectoryInit

  constructor(init: DirectoryInit) {
    this.#init = init
  }

  received(stream: OpenStream, frame: DirectoryFrame, turn: Turn): void {
    // Answers carry no ids, so a second question before the first answer could not be told apart.
    if (stream.pending > 0)
      return turn.act({ kind: 'close', stream: stream.id, reason: 'asked before it was answered' })
    switch (frame.kind) {
      case 'publish':
        return this.#publish(stream, frame, turn)
      case 'find-card':
        return this.#findCard(stream, frame, turn)
      case 'take-bundle':
        return this.#takeBundle(stream, frame.device, turn)
      case 'ask-time':
        if (!this.#admit(stream, 'cardLookups', turn)) return
        return turn.sendDirectory(stream.id, this.#time(turn.nowMs))
      case 'published':
      case 'card':
      case 'bundle':
      case 'refused':
      case 'time':
        return turn.act({ kind: 'close', stream: stream.id, reason: 'sent a frame that only a directory sends' })
    }
  }

  #publish(stream: OpenStream, frame: Publish, turn: Turn): void {
    const { device } = stream
    if (!this.#admit(stream, 'publications', turn)) return
    const checked = this.#check(frame, device, turn.nowMs)
    if (!checked.ok || device === undefined) {
      return turn.refuseDirectory(stream.id, checked.ok ? 'not-yours' : checked.reason, 0)
    }
    const { account, revision } = checked.card
    const admitted = this.#init.admission.of(device, account, frame.token)
    if (admitted !== 'admitted') return turn.refuseDirectory(stream.id, admitted, 0)
    const { version, card, bundle, preKeys } = frame
    const ask = { device, account, version, revision, card, bundle, preKeys, nowMs: turn.nowMs }
    stream.pending += 1
    this.#init.desk.ask(turn, 'publish', ask, (answer, later) => {
      stream.pending -= 1
      if (refused(answer)) return this.#busy(stream, later)
      const { limits, reached } = this.#init
      if (answer.state === 'full') reached.count('mailboxesMax')
      if (answer.state !== 'published') return later.refuseDirectory(stream.id, answer.state, 0)
      if (preKeys.length > 0 && answer.left >= limits.preKeysKeptMax) reached.count('preKeysKeptMax')
      later.sendDirectory(stream.id, { kind: 'published', left: answer.left })
      this.#init.subscriptions.published(device, later)
    })
  }

  /** Whether a publication says only what its device may say. */
  #check({ card, bundle }: Publish, device: DeviceId | undefined, nowMs: number): Checked {
    const opened = openCard(card, nowMs)
    if (!opened.ok) return { ok: false, reason: cardRefusals[opened.reason] }
    if (device === undefined || !opened.card.devices.some((listed) => listed.device === device)) {
      return { ok: false, reason: 'not-yours' }
    }
    const identityKey = this.#init.identityKeyOf(idBytes(device))
    if (!equalBytes(bundle.identityKey, identityKey)) return { ok: false, reason: 'not-yours' }
    if (!this.#init.verifyBundle(bundle)) return { ok: false, reason: 'forged' }
    return { ok: true, card: opened.card }
  }

  #findCard(stream: OpenStream, { account }: Extract<DirectoryFrame, { kind: 'find-card' }>, turn: Turn): void {
    if (!this.#admit(stream, 'cardLookups', turn)) return
    stream.pending += 1
    this.#init.desk.ask(turn, 'find-card', { account }, (answer, later) => {
      stream.pending -= 1
      if (refused(answer)) return this.#busy(stream, later)
      if (answer.card === undefined) return later.refuseDirectory(stream.id, 'not-found', 0)
      later.sendDirectory(stream.id, { kind: 'card', card: answer.card })
    })
  }

  #takeBundle(stream: OpenStream, device: DeviceId, turn: Turn): void {
    if (!this.#admit(stream, 'bundlesPerAsker', turn)) return
    const spend = this.#init.quotas.maySpendPreKeyOf(device, turn.nowMs)
    stream.pending += 1
    this.#init.desk.ask(turn, 'take-prekey', { device, spend }, (answer, later) => {
      stream.pending -= 1
      this.#handOut(stream, device, answer, later)
    })
  }

  #handOut(stream: OpenStream, device: DeviceId, answer: Answer<'take-prekey'> | StoreRefusal, turn: Turn): void {
    if (refused(answer)) return this.#busy(stream, turn)
    if (answer.state === 'not-found') return turn.refuseDirectory(stream.id, 'not-found', 0)
    const { bundle, preKey, left } = answer
    turn.sendDirectory(
      stream.id,
      preKey === undefined ? { kind: 'bundle', bundle } : { kind: 'bundle', bundle, preKey },
    )
    if (preKey !== undefined) this.#init.subscriptions.preKeysLeft(device, left, turn)
  }

  #time(atMs: number): DirectoryFrame {
    return this.#init.desk.keepsNothing(atMs) ? { kind: 'time', atMs, full: true } : { kind: 'time', atMs }
  }

  /** Lets a question through to the store, or answers why not. */
  #admit(stream: OpenStream, quota: ConnectionQuota, turn: Turn): boolean {
    const waitMs = this.#init.quotas.takeFor(stream.connection, quota, 1, turn.nowMs)
    if (waitMs > 0) {
      turn.refuseDirectory(stream.id, 'rate-limited', waitMs)
      return false
    }
    if (this.#init.desk.hasRoom(0)) return true
    this.#busy(stream, turn)
    return false
  }

  #busy(stream: OpenStream, turn: Turn): void {
    turn.refuseDirectory(stream.id, 'busy', this.#init.limits.busyRetryMs)
  }
}

type Checked = { readonly ok: true; readonly card: Card } | { readonly ok: false; readonly reason: DirectoryRefusal }

const cardRefusals = {
  malformed: 'malformed',
  forged: 'forged',
  expired: 'stale',
  'from-the-future': 'malformed',
} as const
