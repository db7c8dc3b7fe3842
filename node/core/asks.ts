/**
 * Questions to directories: a contact's card, and a bundle to open a session with a device. A card is asked of every place
 * it may be found, a bundle of one place after the other, since each answer uses up a one-time key; who keeps silent is not
 * waited for. What is asked for and not found is asked again later; that it is wanted is known from the contact or the
 * lane, so nothing is kept here.
 */
import type { AccountId, DeviceId } from '../../protocol/ids.ts'
import { retryMsMax, retryMsMin } from '../../protocol/limits.ts'
import type { PreKeyBundle } from '../../protocol/session/types.ts'
import type { SignedCard } from '../../protocol/wire/card.ts'
import type { DirectoryFrame } from '../../protocol/wire/directory.ts'
import { backoffMs } from './backoff.ts'
import type { ConversationSessions } from './conversation-sessions.ts'
import type { Draft } from './draft.ts'
import type { DirectoryAnswer } from './inputs.ts'
import { nowhere, type Lane } from './lane.ts'
import type { Nearby } from './nearby.ts'
import type { OtherRelays } from './other-relays.ts'
import { markWaiting, recordAttempt } from './settling.ts'
import { directAddressesOf } from './sending.ts'
import type { Contact } from './state.ts'

export interface AsksInit {
  readonly sessions: ConversationSessions
  readonly nearby: Nearby
  readonly others: OtherRelays
  readonly lane: (device: DeviceId) => Lane | undefined
  /** A session stands, or another try is due: move on. */
  readonly move: (device: DeviceId, draft: Draft) => void
  /** Takes a card that claims to be of this account; undefined when it is, else what was wrong. */
  readonly takeCard: (account: AccountId, card: SignedCard, draft: Draft) => string | undefined
}

type Ask =
  | { readonly kind: 'card'; readonly account: AccountId; readonly at: string }
  | { readonly kind: 'bundle'; readonly device: DeviceId; readonly at: string; readonly round: number }

interface CardQuest {
  outstanding: number
  askedMs: number
  found: boolean
  failures: number
  fromMs: number
  /** The card we had when this round began, and how many rounds in a row found no newer one. */
  revision: number
  stale: number
  /** Before this a failed dial is no reason to ask. */
  calmUntilMs: number
  /** When to ask again, or to forget all this. */
  dueMs: number
  reason: string
  /** Callers of `add` who are told how the first round went. */
  readonly requests: number[]
}

const retry = { minMs: retryMsMin, maxMs: retryMsMax }
/** A card is asked for again no sooner than this, however many messages would like to know. */
const refreshMs = 60_000
/** And whoever else is heard of on the local network meanwhile is asked so much later. */
const lookAgainMs = 5_000
/** After a failed dial alone, less and less often while it brings nothing new: many can never be dialled. */
const calmMsMin = 600_000
const calmMsMax = 7_200_000

export class Asks {
  readonly #init: AsksInit
  readonly #asks = new Map<number, Ask>()
  readonly #quests = new Map<AccountId, CardQuest>()

  constructor(init: AsksInit) {
    this.#init = init
  }

  /** Their device could not be dialled, so the card may be out of date. It mostly is not. */
  doubtCard(contact: Contact, draft: Draft): void {
    const quest = this.#quest(contact.account)
    if (quest.calmUntilMs > draft.nowMs || quest.outstanding > 0 || quest.fromMs > draft.nowMs) return
    // One relay at a time, each in turn; and where they were dialled in vain they would not answer this either.
    const relays = contact.card?.relays ?? []
    const relay = relays[(quest.stale + quest.failures) % relays.length]
    this.#askAround(contact, quest, relay === undefined ? this.#places(contact, draft) : [relay], draft)
  }

  /** Asks everywhere for a contact's card, unless that was done a moment ago. `request` is answered after this round. */
  wantCard(contact: Contact, draft: Draft, request?: number): void {
    const quest = this.#quest(contact.account)
    if (request !== undefined) quest.requests.push(request)
    if (quest.outstanding > 0 || (quest.fromMs > draft.nowMs && request === undefined)) return
    this.#askAround(contact, quest, this.#places(contact, draft), draft)
  }

  #askAround(contact: Contact, quest: CardQuest, where: readonly string[], draft: Draft): void {
    const places = new Set(where)
    quest.found = false
    quest.revision = contact.card?.revision ?? 0
    quest.reason = 'nobody to ask'
    quest.outstanding = places.size
    quest.askedMs = draft.nowMs
    for (const at of places) {
      this.#ask({ kind: 'card', account: contact.account, at }, { kind: 'find-card', account: contact.account }, draft)
    }
    if (places.size === 0) this.#roundOver(contact.account, quest, draft)
  }

  #places(contact: Contact, draft: Draft): readonly string[] {
    const devices = contact.card?.devices ?? []
    return [
      ...(contact.card?.relays ?? []),
      ...contact.hints,
      ...devices.flatMap(({ device }) => this.#directAddresses(contact, device, draft)),
      ...(devices.length === 0 ? this.#init.nearby.all(draft.nowMs) : []),
    ]
  }

  wantBundle(lane: Lane, contact: Contact, draft: Draft): void {
    if (lane.bundleSources !== undefined) return this.#askBesides(lane, draft)
    if (lane.bundleFromMs > draft.nowMs) return
    const near = this.#init.nearby.of(lane.device, draft.nowMs)
    const relays = contact.card?.relays ?? []
    const isSilent = (relay: string): boolean => this.#init.others.isSilent(relay)
    const talkative = [...relays.filter((relay) => !isSilent(relay)), ...relays.filter(isSilent)]
    const places = new Set([...near, ...talkative, ...directAddressesOf(contact, lane.device)])
    if (places.size === 0) return this.#bundleFailed(lane, 'they list no relay and no address', draft)
    lane.bundleRound++
    lane.bundleSources = [...places]
    this.#askNext(lane, draft)
  }

  answered(number: number, answer: DirectoryAnswer, draft: Draft): void {
    const ask = this.#asks.get(number)
    if (ask === undefined) return
    this.#asks.delete(number)
    if (ask.kind === 'card') this.#cardAnswered(ask, answer, draft)
    else this.#bundleAnswered(ask, answer, draft)
  }

  /** Whatever kept the answers away may be over. */
  hurry(draft: Draft): void {
    for (const quest of this.#quests.values()) {
      hasten(quest, draft.nowMs)
      quest.calmUntilMs = Math.min(quest.calmUntilMs, draft.nowMs + calmMsMax)
    }
    this.tick(draft)
  }

  /** Somebody is near who may be among those we look for; or says so, as anybody on the network can without end. */
  lookAround(draft: Draft): void {
    for (const [account, quest] of this.#quests) {
      const fromMs = Math.max(draft.nowMs, quest.askedMs + lookAgainMs)
      if (draft.contact(account)?.state === 'adding') hasten(quest, fromMs)
    }
    this.tick(draft)
  }

  /** Contacts whose card is still sought are asked for again when it is time. */
  tick(draft: Draft): void {
    for (const [account, quest] of this.#quests) {
      if (quest.dueMs > draft.nowMs || quest.outstanding > 0) continue
      const contact = draft.contact(account)
      if (contact?.state === 'adding') this.wantCard(contact, draft)
      else this.#quests.delete(account)
    }
  }

  nextDeadline(): number {
    let earliestMs = Number.POSITIVE_INFINITY
    for (const quest of this.#quests.values()) {
      if (quest.outstanding === 0) earliestMs = Math.min(earliestMs, quest.dueMs)
    }
    return earliestMs
  }

  #cardAnswered(ask: Extract<Ask, { kind: 'card' }>, answer: DirectoryAnswer, draft: Draft): void {
    const quest = this.#quest(ask.account)
    quest.outstanding--
    const frame = answer.kind === 'answered' ? answer.frame : undefined
    if (frame?.kind === 'card') {
      const wrong = this.#init.takeCard(ask.account, frame.card, draft)
      if (wrong === undefined) quest.found = true
      else quest.reason = `a directory gave a card that is ${wrong}`
    } else {
      quest.reason = reasonOf(answer)
    }
    if (quest.outstanding === 0 || quest.found) this.#answerCallers(ask.account, quest, draft)
    if (quest.outstanding === 0) this.#roundOver(ask.account, quest, draft)
  }

  #roundOver(account: AccountId, quest: CardQuest, draft: Draft): void {
    quest.failures = quest.found ? 0 : quest.failures + 1
    quest.fromMs = draft.nowMs + (quest.found ? refreshMs : backoffMs(quest.failures, retry, draft.random))
    quest.dueMs = quest.fromMs
    const contact = draft.contact(account)
    if (quest.found) {
      quest.stale = (contact?.card?.revision ?? 0) > quest.revision ? 0 : quest.stale + 1
      const calmMs = quest.stale === 0 ? refreshMs : calmMsMin * 2 ** (quest.stale - 1)
      quest.calmUntilMs = draft.nowMs + Math.min(calmMsMax, calmMs)
      quest.dueMs = quest.calmUntilMs + calmMsMax
    }
    if (!quest.found && quest.failures === 1 && contact?.state === 'adding') {
      draft.tell({ type: 'contact', account, name: contact.name, state: 'unreachable', reason: quest.reason })
    }
    this.#answerCallers(account, quest, draft)
  }

  #answerCallers(account: AccountId, quest: CardQuest, draft: Draft): void {
    const contact = draft.contact(account)
    if (contact === undefined) return
    for (const request of quest.requests.splice(0)) draft.answer(request, { ok: true, kind: 'contact', contact })
  }

  #askNext(lane: Lane, draft: Draft): void {
    const [at, ...rest] = lane.bundleSources ?? []
    if (at === undefined) return
    const { device, bundleRound: round } = lane
    lane.bundleSources = rest
    lane.bundleAt = [...lane.bundleAt, at]
    lane.bundleAskedMs = draft.nowMs
    this.#ask({ kind: 'bundle', device, at, round }, { kind: 'take-bundle', device }, draft)
    this.#askBesides(lane, draft)
  }

  /** A place that keeps silent is not waited for alone: a one-time key is worth less than the seconds. */
  #askBesides(lane: Lane, draft: Draft): void {
    const silent = lane.bundleAt.at(-1)
    if (silent === undefined || lane.bundleSources === undefined || lane.bundleSources.length === 0) return
    const untilMs = this.#init.others.patientUntilMs(silent, lane.bundleAskedMs, 0)
    if (untilMs > draft.nowMs) {
      lane.wakeMs = Math.min(lane.wakeMs, untilMs)
      return
    }
    this.#init.others.keepsSilent(silent)
    this.#askNext(lane, draft)
  }

  #bundleAnswered(ask: Extract<Ask, { kind: 'bundle' }>, answer: DirectoryAnswer, draft: Draft): void {
    const lane = this.#init.lane(ask.device)
    if (answer.kind === 'unreachable') this.#init.others.keepsSilent(ask.at)
    else this.#init.others.answered(ask.at, undefined, draft.nowMs)
    // Another was quicker, and a session stands.
    if (lane?.bundleSources === undefined || lane.bundleRound !== ask.round) return
    lane.bundleAt = lane.bundleAt.filter((at) => at !== ask.at)
    const frame = answer.kind === 'answered' ? answer.frame : undefined
    const failure =
      frame?.kind === 'bundle'
        ? this.#init.sessions.initiate(ask.device, whole(frame, lane.unheard), draft)
        : reasonOf(answer)
    if (failure === undefined) {
      lane.bundleSources = undefined
      lane.bundleAt = nowhere
      lane.bundleFailures = 0
      lane.needsFreshSession = false
      this.#init.move(ask.device, draft)
      return
    }
    for (const { delivery } of lane.entries()) {
      recordAttempt(delivery, 'directory', ask.at, `no keys to encrypt with: ${failure}`, draft)
      break // One line, on the message that waits longest, says it for all behind it.
    }
    if (lane.bundleSources.length > 0) this.#askNext(lane, draft)
    else if (lane.bundleAt.length === 0) this.#bundleFailed(lane, failure, draft)
  }

  #bundleFailed(lane: Lane, reason: string, draft: Draft): void {
    lane.bundleSources = undefined
    lane.bundleFailures++
    lane.bundleFromMs = draft.nowMs + backoffMs(lane.bundleFailures, retry, draft.random)
    for (const { delivery } of lane.entries()) markWaiting(delivery, `no keys to encrypt with: ${reason}`, draft)
    const contact = draft.contact(lane.account)
    if (contact !== undefined) this.wantCard(contact, draft)
    lane.wakeMs = Math.min(lane.wakeMs, lane.bundleFromMs)
  }

  #ask(ask: Ask, frame: DirectoryFrame, draft: Draft): void {
    const number = draft.counters.nextAsk()
    this.#asks.set(number, ask)
    draft.act({ kind: 'ask-directory', ask: number, at: ask.at, frame })
  }

  #directAddresses(contact: Contact, device: DeviceId, { nowMs }: Draft): readonly string[] {
    return [...this.#init.nearby.of(device, nowMs), ...directAddressesOf(contact, device)]
  }

  #quest(account: AccountId): CardQuest {
    const known = this.#quests.get(account)
    if (known !== undefined) return known
    const quest: CardQuest = {
      outstanding: 0,
      askedMs: 0,
      found: false,
      failures: 0,
      fromMs: 0,
      revision: 0,
      stale: 0,
      calmUntilMs: 0,
      dueMs: 0,
      reason: '',
      requests: [],
    }
    this.#quests.set(account, quest)
    return quest
  }
}

function hasten(quest: CardQuest, fromMs: number): void {
  quest.fromMs = Math.min(quest.fromMs, fromMs)
  quest.dueMs = Math.min(quest.dueMs, fromMs)
}

/** `unheard`: the one-time key may be what nobody can read it for; what is signed lasts for weeks. */
function whole(frame: Extract<DirectoryFrame, { kind: 'bundle' }>, unheard: boolean): PreKeyBundle {
  return {
    ...frame.bundle,
    ...(!unheard && frame.preKey && { preKeyId: frame.preKey.id, preKey: frame.preKey.key }),
  }
}

function reasonOf(answer: DirectoryAnswer): string {
  if (answer.kind === 'unreachable') return `not reachable (${answer.reason})`
  return answer.frame.kind === 'refused' ? answer.frame.reason : 'an answer that makes no sense'
}
