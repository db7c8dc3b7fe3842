/**
 * A node that keeps its rows in one JSON file and speaks to nobody: enough of `LinnetNode` for the command line to be tried
 * on, in real processes and in milliseconds. What arrives is written by the test to `inbox.jsonl` in its directory.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NodeError } from '../../node/api.ts'
import type { ContactView, LinnetNode, MessageView, NodeEvent, NodeOptions, StoredEvent } from '../../node/index.ts'

type Account = ContactView['account']
type MessageId = MessageView['id']

export interface Rows {
  name: string
  relays: readonly string[]
  passphrase?: string
  contacts: ContactView[]
  messages: MessageView[]
  events: StoredEvent[]
  lastSeq: number
  heard: number
  /** What the last process was told of these. */
  switches?: Pick<NodeOptions, 'circuits' | 'lan' | 'upnp' | 'presence'>
}

export async function createFakeNode(options: NodeOptions): Promise<LinnetNode> {
  const { dataDir } = options
  const file = join(dataDir, 'fake.json')
  if (!existsSync(file) && options.name === undefined) throw new NodeError('no-profile', 'there is no profile here')
  mkdirSync(dataDir, { recursive: true })
  const unlock = lock(join(dataDir, 'fake.lock'))
  try {
    const rows = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Rows) : fresh(options)
    if (rows.passphrase !== undefined && options.passphrase === undefined) {
      throw new NodeError('passphrase-needed', 'a passphrase is needed')
    }
    if (rows.passphrase !== options.passphrase) throw new NodeError('wrong-passphrase', 'the passphrase is wrong')
    if (options.relays !== undefined) rows.relays = options.relays
    const { circuits = true, lan = true, upnp = true, presence = true } = options
    rows.switches = { circuits, lan, upnp, presence }
    return fakeNode(dataDir, rows, unlock)
  } catch (error) {
    unlock()
    throw error
  }
}

export function fresh({ name = '', passphrase, relays = [] }: Omit<NodeOptions, 'dataDir'>): Rows {
  const kept = passphrase === undefined ? {} : { passphrase }
  return { name, relays, ...kept, contacts: [], messages: [], events: [], lastSeq: 0, heard: 0 }
}

function fakeNode(dataDir: string, rows: Rows, unlock: () => void): LinnetNode {
  const listeners = new Map<string, Set<(event: never) => void>>()
  let polling: NodeJS.Timeout | undefined
  const save = (): void => {
    writeFileSync(join(dataDir, 'fake.new'), JSON.stringify(rows))
    renameSync(join(dataDir, 'fake.new'), join(dataDir, 'fake.json'))
  }
  const tell = (event: NodeEvent): void => {
    const stored = { seq: ++rows.lastSeq, event }
    rows.events.push(stored)
    save()
    for (const listener of listeners.get('event') ?? []) (listener as (stored: StoredEvent) => void)(stored)
  }
  const find = (who: string): ContactView => {
    const found = rows.contacts.find((one) => one.name === who || one.account === who)
    if (found === undefined) throw new NodeError('not-found', `no contact is called ${who}`)
    return found
  }
  const put = (contact: ContactView): ContactView => {
    rows.contacts = [...rows.contacts.filter((one) => one.account !== contact.account), contact]
    save()
    return contact
  }
  const advance = (id: MessageId, state: MessageView['state']): void => {
    rows.messages = rows.messages.map((one) => (one.id === id ? { ...one, state } : one))
  }
  const hear = (): void => {
    const inbox = join(dataDir, 'inbox.jsonl')
    const lines = existsSync(inbox) ? readFileSync(inbox, 'utf8').split('\n').slice(0, -1) : []
    for (const line of lines.slice(rows.heard)) {
      rows.heard += 1
      const event = JSON.parse(line) as NodeEvent
      if (event.type === 'message' && !rows.contacts.some((one) => one.name === event.from))
        put(contactNamed(event.from))
      tell(event)
    }
  }
  const node: LinnetNode = {
    start: async () => {
      polling = setInterval(hear, 10)
      save()
    },
    stop: async () => {
      clearInterval(polling)
      save()
      unlock()
    },
    identity: () => ({
      account: accountOf(rows.name),
      device: accountOf(rows.name) as never,
      peerId: '12D3KooWFake',
      name: rows.name,
      addresses: ['/ip4/127.0.0.1/tcp/1/p2p/12D3KooWFake'],
      relays: rows.relays.map((relay) => ({ relay, role: 'home', connected: true, preKeysLeft: 100 })),
    }),
    send: async (who, text) => {
      const { account, name } = find(who)
      if (text === '') throw new NodeError('empty', 'there is nothing to send')
      const id = randomBytes(16).toString('hex') as MessageId
      const sentAt = new Date().toISOString()
      rows.messages.push({ id, conversation: account, from: 'me', text, sentAt, state: 'queued' })
      save()
      if (name === 'nobody') return { id, state: 'queued' }
      setTimeout(() => {
        advance(id, 'stored')
        tell({ type: 'status', id, conversation: account, to: name, state: 'stored', at: sentAt, via: 'relay' })
      }, 20)
      return { id, state: 'queued' }
    },
    waitFor: async (id, state, timeoutMs) => {
      const untilMs = Date.now() + timeoutMs
      while (Date.now() < untilMs) {
        const found = rows.messages.find((one) => one.id === id)?.state
        if (found === state) return found
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      return undefined
    },
    invite: async () => `linnet:${encodeURIComponent(rows.name)}`,
    add: async (link, name) => {
      const own = decodeURIComponent(link.replace(/^linnet:/u, ''))
      if (!link.startsWith('linnet:')) throw new NodeError('invalid-invite', 'this is not an invite link')
      return put({ ...contactNamed(own), name: name ?? own })
    },
    safetyNumbers: (who) => [{ device: find(who).account as never, digits: '0'.repeat(60) }],
    verify: async (who) => put({ ...find(who), verified: true }),
    accept: async (who) => put({ ...find(who), state: 'added' }),
    block: async (who) => put({ ...find(who), state: 'blocked' }),
    rename: async (who, name) => put({ ...find(who), name }),
    contacts: () => rows.contacts,
    setRelays: async (relays) => void (rows.relays = relays),
    history: (who, { limit = 50 } = {}) => {
      const { account } = find(who)
      return rows.messages.filter((one) => one.conversation === account).slice(-limit)
    },
    why: (id) => {
      const message = rows.messages.find((one) => one.id === id)
      if (message === undefined) throw new NodeError('not-found', `no message has the id ${id}`)
      const attempt = { messageId: id, at: message.sentAt, route: 'relay', via: '/dns4/r\u001b[31m', outcome: 'stored' }
      return { message, devices: [], attempts: [attempt as never] }
    },
    events: (after, limit) => rows.events.filter((one) => one.seq > after).slice(0, limit),
    acknowledge: async (upTo) => {
      rows.events = rows.events.filter((one) => one.seq > upTo)
      save()
    },
    typing: () => undefined,
    doctor: async () => ({ well: true, router: 'open', findings: [{ about: 'router', state: 'good', says: 'none' }] }),
    on: (kind, listener) => {
      const all = listeners.get(kind) ?? new Set()
      listeners.set(kind, all.add(listener))
      return () => void all.delete(listener)
    },
  }
  return node
}

export function contactNamed(name: string): ContactView {
  return { account: accountOf(name), name, state: 'added', verified: false, devices: [], relays: [], online: false }
}

function accountOf(name: string): Account {
  return createHash('sha256').update(name).digest('hex') as Account
}

/** Held by whoever's pid is in it and lives, so that it outlives no kill -9; made in one step, with the pid inside. */
function lock(path: string): () => void {
  const owner = existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0
  if (owner > 0 && lives(owner)) throw new NodeError('in-use', 'another process owns this directory')
  writeFileSync(`${path}.${process.pid}`, String(process.pid))
  renameSync(`${path}.${process.pid}`, path)
  return () => rmSync(path, { force: true })
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
