/**
 * The session layer as a machine that a string of bytes drives, one action a byte: send, receive, drop, shuffle,
 * replay, change a byte, open anew, crash and restore. What must hold whatever the bytes are is checked after each; a
 * broken invariant throws.
 */
import { receivingChainsMax } from '../../protocol/session/limits.ts'
import { signalSessions } from '../../protocol/session/signal.ts'
import { Device } from '../protocol/session/device.ts'
import type { Wire } from '../protocol/session/device.ts'

interface Letter {
  readonly from: Side
  readonly to: Side
  readonly text: string
  readonly wire: Wire
  /** How many messages had been read when it was written: a few turns later its keys may be gone. */
  readonly readBefore: number
}

interface Side {
  readonly device: Device
  /** Texts read since the last restore: none may be read twice. */
  readonly read: Set<string>
  /** A stored record from before, to come back to. */
  backup: Uint8Array | undefined
  life: number
}

export interface Outcome {
  readonly sent: number
  readonly read: number
  readonly refused: number
  readonly restored: number
}

/** Making a device costs more than a short case, so cases share them; records start empty each time. */
let shared: readonly [Device, Device] | undefined

export function runCase(actions: Uint8Array): Outcome {
  shared ??= [new Device('alice'), new Device('bob')]
  const sides = shared.map((device) => newSide(device)) as [Side, Side]
  const machine = new Machine(sides)
  for (const byte of actions) machine.act(byte)
  machine.heal()
  return machine.outcome
}

function newSide(device: Device): Side {
  device.records.clear()
  device.marks.clear()
  device.preKeys.clear()
  return { device, read: new Set(), backup: undefined, life: 0 }
}

class Machine {
  outcome = { sent: 0, read: 0, refused: 0, restored: 0 }
  readonly #sides: readonly [Side, Side]
  /** Under way, in order of arrival. */
  #flying: Letter[] = []
  readonly #delivered: Letter[] = []

  constructor(sides: readonly [Side, Side]) {
    this.#sides = sides
  }

  act(byte: number): void {
    const side = this.#sides[byte & 1] as Side
    const other = this.#sides[1 - (byte & 1)] as Side
    const argument = byte >> 5
    switch ((byte >> 1) & 15) {
      case 0:
      case 1:
      case 2:
      case 3:
        return this.#send(side, other)
      case 4:
      case 5:
      case 6:
      case 7:
        return this.#receive(argument)
      case 8:
        this.#flying.splice(argument, 1)
        return
      case 9:
        this.#flying = this.#flying.toSorted((a, b) => orderOf(a, byte) - orderOf(b, byte))
        return
      case 10:
        return this.#replay(argument)
      case 11:
        return this.#change(argument, byte)
      case 12:
        return this.#open(side, other)
      case 13:
        if (side.device.records.has(other.device.name)) side.backup = side.device.stored(other.device)
        return
      case 14:
        return this.#crash(side, other)
      case 15:
        for (let i = 0; i < 1 + 2 * argument; i++) this.#send(side, other)
        return
    }
  }

  /**
   * The network recovers: whoever was restored opens anew, as a device does when it is refused; then all must be
   * read.
   */
  heal(): void {
    const [a, b] = this.#sides
    if (!a.device.records.has(b.device.name) || a.life + b.life > 0) this.#open(a, b)
    this.#flying = []
    for (let turn = 0; turn < 2; turn++) {
      for (const [from, to] of [
        [a, b],
        [b, a],
      ] as const) {
        this.#send(from, to)
        const letter = this.#flying.pop()
        if (letter === undefined || !this.#deliver(letter)) throw new Error('they cannot talk any more')
      }
    }
  }

  #send(from: Side, to: Side): void {
    if (!from.device.records.has(to.device.name)) this.#open(from, to)
    const text = `${from.device.name} ${this.outcome.sent++}`
    const wire = from.device.encrypt(to.device, text)
    this.#flying.push({ from, to, text, wire, readBefore: this.outcome.read })
  }

  #receive(at: number): void {
    const [letter] = this.#flying.splice(Math.min(at, this.#flying.length - 1), 1)
    if (letter === undefined) return
    this.#deliver(letter)
    this.#delivered.push(letter)
  }

  #replay(at: number): void {
    const letter = this.#delivered.at(-1 - at)
    if (letter !== undefined) this.#deliver(letter)
  }

  #change(at: number, byte: number): void {
    const letter = this.#flying[at] ?? this.#delivered[at]
    if (letter === undefined) return
    const bytes = letter.wire.bytes.slice()
    // Of a first message only the inner one: once its session is held, the rest decides nothing and nothing covers it.
    const reach = letter.wire.type === 3 ? 90 : bytes.length
    const place = bytes.length - 1 - ((byte * 2_654_435_761) % reach)
    bytes[place] = (bytes[place] as number) ^ (1 << (byte & 7))
    const before = storedOf(letter.to, letter.from)
    const result = letter.to.device.decrypt(letter.from.device, { type: letter.wire.type, bytes })
    if (result.ok) throw new Error('a changed message was read')
    if (before !== storedOf(letter.to, letter.from)) throw new Error('a refusal moved the record')
  }

  #open(from: Side, to: Side): void {
    const { device } = from
    device.initiate(to.device, bundleOf(to.device, this.outcome.sent % 2 === 0))
  }

  #crash(side: Side, other: Side): void {
    if (side.backup === undefined) return
    side.device.restore(other.device, side.backup)
    side.read.clear()
    side.life++
    this.outcome.restored++
  }

  #deliver(letter: Letter): boolean {
    const { from, to } = letter
    const before = storedOf(to, from)
    const result = to.device.decrypt(from.device, letter.wire)
    if (!result.ok) {
      this.outcome.refused++
      if (before !== storedOf(to, from)) throw new Error('a refusal moved the record')
      const isFresh = !to.read.has(letter.text) && this.outcome.read - letter.readBefore < receivingChainsMax
      if (isFresh && this.outcome.restored === 0) throw new Error(`an honest message was refused: ${result.reason}`)
      return false
    }
    const text = new TextDecoder().decode(result.plaintext)
    if (text !== letter.text) throw new Error('another text came out')
    if (to.read.has(text)) throw new Error('a message was read twice')
    to.read.add(text)
    this.outcome.read++
    const stored = to.device.stored(from.device)
    const again = signalSessions.encodeRecord(signalSessions.decodeRecord(stored))
    if (!Buffer.from(stored).equals(again)) throw new Error('the stored form is not stable')
    return true
  }
}

function storedOf(side: Side, other: Side): string {
  const { device } = side
  if (!device.records.has(other.device.name)) return ''
  return Buffer.from(device.stored(other.device)).toString('latin1')
}

const bundles = new Map<string, ReturnType<Device['bundle']>>()

/** Signed and Kyber prekeys serve many sessions, as they do in life; a one-time key serves one. */
function bundleOf(device: Device, oneTime: boolean): ReturnType<Device['bundle']> {
  let last = bundles.get(device.name)
  if (last === undefined) bundles.set(device.name, (last = device.bundle(false)))
  if (!oneTime) return last
  const [preKey] = signalSessions.generatePreKeys(9000 + device.preKeys.size + device.marks.size, 1, device.random)
  if (preKey === undefined) return last
  device.preKeys.set(preKey.id, preKey)
  return { ...last, preKeyId: preKey.id, preKey: preKey.publicKey }
}

function orderOf(letter: Letter, byte: number): number {
  return ((letter.text.length * 31 + (letter.text.codePointAt(letter.text.length - 1) ?? 0)) * byte) % 17
}
