/**
 * How people see things: events, messages, contacts and the way of a message, in words. Whatever somebody else wrote is
 * made printable here. Programs read `--json` instead, which these words are no part of.
 */
import type { ContactView, Diagnosis, MessageView, NodeEvent, NodeIdentity, SafetyNumber, Why } from '../node/index.ts'
import { printable, printableText } from './printable.ts'

const needsNewer = '[needs a newer version of linnet]'

export function showEvent(event: NodeEvent): string {
  switch (event.type) {
    case 'message':
      return `${clock(event.receivedAt)} ${printable(event.from)}: ${said(event.text)}`
    case 'status':
      return showStatus(event)
    case 'contact':
      return showContactEvent(event)
    case 'gap':
      return `${clock()} ${messages(event.missing)} from ${printable(event.from)} missing`
  }
}

/** A running process of a newer version may tell of things this one has no words for. */
export function isKnownEvent(event: NodeEvent): boolean {
  return ['message', 'status', 'contact', 'gap'].includes(event.type)
}

function showStatus(event: Extract<NodeEvent, { type: 'status' }>): string {
  const to = printable(event.to)
  const what = {
    queued: `waits for ${to}${event.reason === undefined ? '' : ` (${printable(event.reason)})`}`,
    stored: `kept for ${to} by a relay`,
    delivered: `delivered to ${to}`,
    read: `read by ${to}`,
    expired: `never reached ${to}, and is given up`,
  }[event.state]
  return `${clock(event.at)} ${event.id.slice(0, 8)} ${what}${event.via === 'direct' ? ', directly' : ''}`
}

function showContactEvent(event: Extract<NodeEvent, { type: 'contact' }>): string {
  const name = printable(event.name)
  switch (event.state) {
    case 'requested':
      return `${clock()} ${name} wants to talk to you: “accept ${name}” lets them in, “block ${name}” does not`
    case 'added':
      return `${clock()} ${name} is a contact now`
    case 'key-changed':
      return `${clock()} ${name} has NEW KEYS: perhaps a new device, perhaps somebody else. Ask them on another way`
    case 'unreachable':
      return `${clock()} ${name} cannot be reached${event.reason === undefined ? '' : `: ${printable(event.reason)}`}`
  }
}

export function showMessage(message: MessageView): string {
  const mine = message.from === 'me'
  const state = mine || message.state === 'held' ? ` (${message.state})` : ''
  return `${day(message.sentAt)} ${printable(message.from)}: ${said(message.text)}${state}`
}

export function showContact(contact: ContactView): string {
  const marks = [
    contact.state,
    ...(contact.verified ? ['verified'] : []),
    ...(contact.online ? ['online'] : []),
    ...(contact.link ? [contact.link.kind] : []),
  ]
  return `${printable(contact.name)}  ${marks.join(', ')}  ${contact.account}`
}

/** Twelve groups of five digits, as they are read to each other. */
export function showSafetyNumber({ digits }: SafetyNumber): string {
  const groups = digits.match(/.{5}/gu) ?? []
  return [0, 4, 8].map((from) => groups.slice(from, from + 4).join(' ')).join('\n')
}

export function showIdentity(identity: NodeIdentity): string {
  const relays = identity.relays.map((one) => {
    const standing = one.connected
      ? `connected${one.refused === undefined ? '' : `, but keeps nothing for you: ${printable(one.reason ?? one.refused)}`}`
      : `not connected${one.reason === undefined ? '' : `: ${printable(one.reason)}`}${named(one.elsewhere)}`
    const keys = one.preKeysLeft === undefined ? '' : `, ${one.preKeysLeft} prekeys left`
    const role = one.role === 'home' ? '' : `${roles[one.role]}; `
    return `${printable(one.relay)} (${role}${standing}${keys})`
  })
  return [
    `name     ${printable(identity.name)}`,
    `account  ${identity.account}`,
    `device   ${identity.device}`,
    `peer id  ${identity.peerId}`,
    ...labelled('address', identity.addresses.map(printable), 'none'),
    ...labelled('relay', relays, 'none: messages reach you only while you are online'),
  ].join('\n')
}

const roles = {
  spare: 'spare',
  dropped: 'stayed away, contacts were told so',
  left: 'left, still collected from',
}

export function showDiagnosis({ findings }: Diagnosis): string {
  const marks = { good: 'ok  ', poor: 'poor', bad: 'BAD ' }
  return findings
    .flatMap(({ about, state, says, todo }) => [
      `${marks[state]} ${printable(about)}: ${printable(says)}`,
      ...(todo === undefined ? [] : [`       ${todo}`]),
    ])
    .join('\n')
}

export function showWhy(why: Why): string {
  const { message, devices, attempts } = why
  const waiting = message.waiting === undefined ? '' : ` (${printable(message.waiting)})`
  return [
    `message  ${message.id}, from ${printable(message.from)}, ${day(message.sentAt)}`,
    `state    ${message.state}${waiting}`,
    ...devices.map((one) => {
      const held = one.heldBy === undefined ? '' : `, held by ${printable(one.heldBy)}${since(one.heldSince)}`
      const next = one.nextTryAt === undefined ? '' : `, next try ${due(one.nextTryAt)}`
      return `device   ${one.device.slice(0, 16)}: ${one.state}${held}${next}`
    }),
    ...attempts.map(
      (one) => `tried    ${day(one.at)} ${[one.route, printable(one.via)].join(' ').trim()}: ${printable(one.outcome)}`,
    ),
  ].join('\n')
}

function labelled(label: string, values: readonly string[], none: string): string[] {
  return (values.length === 0 ? [none] : values).map((value) => `${label.padEnd(8)} ${value}`)
}

/** What a relay that ends says about others. */
function named(elsewhere: readonly string[] = []): string {
  return elsewhere.length === 0 ? '' : `; it names ${elsewhere.map(printable).join(' and ')}`
}

function since(time: string | undefined): string {
  return time === undefined ? '' : ` since ${day(time)}`
}

/** A time that has passed says only that nobody was online then to try. */
function due(time: string): string {
  return Date.parse(time) > Date.now() ? day(time) : 'as soon as linnet is online'
}

function said(text: string | undefined): string {
  return text === undefined ? needsNewer : printableText(text)
}

function messages(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`
}

function clock(time?: string): string {
  return local(time).slice(11, 16)
}

function day(time: string): string {
  return local(time).slice(0, 16)
}

/** `2026-11-22 10:00:00`, on this machine's clock. */
function local(time?: string): string {
  const date = time === undefined ? new Date() : new Date(time)
  return Number.isNaN(date.getTime()) ? '????-??-?? ??:??' : date.toLocaleString('sv-SE')
}
