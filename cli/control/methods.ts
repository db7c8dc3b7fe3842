/**
 * What can be asked of a running profile: the same words and fields as the commands. Each method reads its fields, asks the
 * node, and answers with what the command prints under `--json`. The commands call these too, in this process or over
 * the socket, so that both ways are one.
 */
import type {
  ContactView,
  Diagnosis,
  LinnetNode,
  MessageView,
  NodeIdentity,
  SafetyNumber,
  StoredEvent,
  Why,
} from '../../node/index.ts'
import { CliError, exitCode, usageError } from '../exit.ts'
import { version } from '../version.ts'
import type { Params } from './rpc.ts'

export type SentState = MessageView['state']
export type Wait = 'stored' | 'delivered' | 'read'

export interface Sent {
  readonly id: string
  readonly state: SentState
  /** What was waited for did not happen in time. */
  readonly timedOut?: true
}

/** Fields and answer of each method. */
export interface Calls {
  /** `stays`: the process ends when told to, not when some command of its own is done. */
  ping: { params: object; result: { readonly version: string; readonly pid: number; readonly stays?: boolean } }
  id: { params: object; result: NodeIdentity }
  invite: { params: object; result: { readonly link: string } }
  add: { params: { readonly link: string; readonly as?: string }; result: ContactView }
  contacts: { params: object; result: readonly ContactView[] }
  accept: { params: { readonly who: string }; result: ContactView }
  'safety-numbers': { params: { readonly who: string }; result: readonly SafetyNumber[] }
  verify: { params: { readonly who: string }; result: ContactView }
  block: { params: { readonly who: string }; result: ContactView }
  rename: { params: { readonly who: string; readonly name: string }; result: ContactView }
  send: {
    params: { readonly who: string; readonly text: string; readonly wait?: Wait; readonly timeout?: number }
    result: Sent
  }
  history: {
    params: { readonly who: string; readonly limit?: number; readonly before?: string }
    result: readonly MessageView[]
  }
  why: { params: { readonly id: string }; result: Why }
  doctor: { params: object; result: Diagnosis }
  typing: { params: { readonly who: string }; result: object }
  receive: { params: { readonly after?: number; readonly max?: number }; result: readonly StoredEvent[] }
  acknowledge: { params: { readonly upTo: number }; result: { readonly upTo: number } }
}

export type Method = keyof Calls

/** Events in one answer. */
const eventsMax = 100
export const waitSecondsDefault = 30
export const historyLimitDefault = 50
const historyLimitMax = 1_000

type Id = MessageView['id']
type Handlers = { [M in Method]: (node: LinnetNode, params: Params) => Promise<Calls[M]['result']> }

const handlers: Handlers = {
  ping: async () => ({ version, pid: process.pid }),
  id: async (node) => node.identity(),
  invite: async (node) => ({ link: await node.invite() }),
  add: async (node, params) => {
    const as = optionalText(params, 'as')
    return as === undefined ? node.add(text(params, 'link')) : node.add(text(params, 'link'), as)
  },
  contacts: async (node) => node.contacts(),
  accept: async (node, params) => node.accept(text(params, 'who')),
  'safety-numbers': async (node, params) => node.safetyNumbers(text(params, 'who')),
  verify: async (node, params) => node.verify(text(params, 'who')),
  block: async (node, params) => node.block(text(params, 'who')),
  rename: async (node, params) => node.rename(text(params, 'who'), text(params, 'name')),
  send,
  history: async (node, params) => {
    const limit = count(params, 'limit', historyLimitMax) ?? historyLimitDefault
    const before = optionalText(params, 'before')
    const who = text(params, 'who')
    return node.history(who, before === undefined ? { limit } : { limit, before: messageId(before) })
  },
  doctor: async (node) => node.doctor(),
  typing: async (node, params) => {
    node.typing(text(params, 'who'))
    return {}
  },
  why: async (node, params) => node.why(messageId(text(params, 'id'))),
  receive: async (node, params) => {
    const max = count(params, 'max', Number.MAX_SAFE_INTEGER) ?? eventsMax
    return node.events(count(params, 'after', Number.MAX_SAFE_INTEGER) ?? 0, Math.min(max, eventsMax))
  },
  acknowledge: async (node, params) => {
    const upTo = count(params, 'upTo', Number.MAX_SAFE_INTEGER)
    if (upTo === undefined) throw usageError('“upTo” is missing: the number of the last event shown')
    await node.acknowledge(upTo)
    return { upTo }
  },
}

export function isMethod(name: string): name is Method {
  return Object.hasOwn(handlers, name)
}

export function perform<M extends Method>(node: LinnetNode, method: M, params: Params): Promise<Calls[M]['result']> {
  return handlers[method](node, params)
}

async function send(node: LinnetNode, params: Params): Promise<Sent> {
  const wait = optionalText(params, 'wait')
  if (wait !== undefined && !isWait(wait))
    throw usageError(`“${wait}” cannot be waited for: stored, delivered or read can`)
  const timeoutMs = seconds(params, 'timeout', waitSecondsDefault) * 1_000
  const { id, state } = await node.send(text(params, 'who'), text(params, 'text'))
  if (wait === undefined) return { id, state }
  const reached = await node.waitFor(id, wait, timeoutMs)
  if (reached !== undefined) return { id, state: reached }
  return { id, state: node.why(id).message.state, timedOut: true }
}

export function isWait(word: string): word is Wait {
  return word === 'stored' || word === 'delivered' || word === 'read'
}

/** Longer than a day is a mistake in the unit, and timers overflow at 24 days. */
const secondsMax = 86_400

export function checkSeconds(value: number, field: string): number {
  if (Number.isFinite(value) && value >= 0 && value <= secondsMax) return value
  throw usageError(`${field} takes seconds, 0 to ${secondsMax}`)
}

function seconds(params: Params, field: string, otherwise: number): number {
  const value = params[field]
  if (value === undefined) return otherwise
  if (typeof value !== 'number') throw usageError(`“${field}” takes seconds`)
  return checkSeconds(value, `“${field}”`)
}

function text(params: Params, field: string): string {
  const value = optionalText(params, field)
  if (value === undefined) throw usageError(`“${field}” is missing`)
  return value
}

function optionalText(params: Params, field: string): string | undefined {
  const value = params[field]
  if (value === undefined || typeof value === 'string') return value
  throw usageError(`“${field}” takes a text`)
}

function count(params: Params, field: string, max: number): number | undefined {
  const value = params[field]
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value
  throw usageError(`“${field}” takes a whole number, 0 to ${max}`)
}

function messageId(words: string): Id {
  if (/^[0-9a-f]{32}$/u.test(words)) return words as Id
  throw new CliError(exitCode.usage, 'invalid-id', `“${words}” is not a message's id: that is 32 digits of 0-9 and a-f`)
}
