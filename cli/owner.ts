/**
 * A profile run in this process: opens the node, serves the control socket for as long as it runs, and ends both in the
 * order that leaves no one waiting. Whether this process should own the profile at all is `profile.ts`.
 */
import type { LinnetNode, NodeOptions, StoredEvent } from '../node/index.ts'
import { feed } from './control/feed.ts'
import { isMethod, perform, type Calls, type Method } from './control/methods.ts'
import { notificationLine, rpcCode, RpcFault, type Params } from './control/rpc.ts'
import { serveControl, type Client, type ControlServer } from './control/server.ts'
import { isNodeError } from './exit.ts'
import type { Job } from './job.ts'
import { openLog } from './log.ts'
import { askPassphrase, canAsk, passphraseSet } from './passphrase.ts'
import { profileDir, socketPath } from './places.ts'
import { version } from './version.ts'

export interface Holder {
  /** This process runs the node, so what is to happen must happen before it ends. */
  readonly here: boolean
  call<M extends Method>(method: M, params: Calls[M]['params']): Promise<Calls[M]['result']>
  events(after: number, signal: AbortSignal): AsyncIterable<StoredEvent>
  close(): Promise<void>
}

export function dirOf(job: Job): string {
  return profileDir(job.env, job.settings.get('data-dir'), job.settings.get('profile') ?? 'default')
}

export function socketOf(job: Job): string {
  return socketPath(job.env, dirOf(job), 'control.sock')
}

export interface Opening {
  readonly name?: string
  readonly passphrase?: string
  /** The relays it has stay, whatever was named. */
  readonly asItIs?: true
}

/** Opens the store, which also takes the profile; rejects with the node's own reasons. */
export async function openNode(job: Job, fresh: Opening = {}): Promise<LinnetNode> {
  const { settings } = job
  const relays = fresh.asItIs === true ? undefined : settings.get('relay')
  const listen = settings.get('listen')
  const announce = settings.get('announce')
  const passphrase = fresh.passphrase ?? passphraseOf(job)
  const options: NodeOptions = {
    dataDir: dirOf(job),
    log: openLog(settings),
    ...(fresh.name === undefined ? {} : { name: fresh.name }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(relays === undefined ? {} : { relays }),
    ...(listen === undefined ? {} : { listen }),
    ...(announce === undefined ? {} : { announce }),
    circuits: settings.get('circuits') ?? true,
    lan: settings.get('lan') ?? true,
    upnp: settings.get('upnp') ?? true,
    presence: settings.get('presence') ?? true,
  }
  try {
    return await job.programs.createNode(options)
  } catch (error) {
    const asks = isNodeError(error) && error.reason === 'passphrase-needed' && canAsk()
    if (!asks) throw error
    return job.programs.createNode({ ...options, passphrase: await askPassphrase(job.ending.signal) })
  }
}

/** Read once: the variable is gone from the environment after the first look. */
const passphrases = new WeakMap<Job, string | undefined>()

function passphraseOf(job: Job): string | undefined {
  if (!passphrases.has(job)) passphrases.set(job, passphraseSet(job.settings, job.env))
  return passphrases.get(job)
}

/** An opened node that is only read from: it stays off the network, and is too soon gone to serve anybody else. */
export function lookInto(node: LinnetNode): Holder {
  return {
    here: true,
    call: (method, params) => perform(node, method, params as Params),
    events: (after, signal) => feed(node, after, signal),
    close: () => node.stop(),
  }
}

/** Starts an opened node and lets other processes in. */
export async function own(job: Job, node: LinnetNode, stays: boolean): Promise<Holder> {
  const stopListening = node.on('fatal', (error) => job.ending.fail(error))
  let server: ControlServer
  try {
    await node.start()
    server = await serveControl(socketOf(job), (method, params, client) =>
      method === 'ping' ? Promise.resolve({ version, pid: process.pid, stays }) : answer(node, method, params, client),
    )
  } catch (error) {
    await node.stop()
    throw error
  }
  return {
    here: true,
    call: (method, params) => perform(node, method, params as Params),
    events: (after, signal) => feed(node, after, signal),
    close: async () => {
      await server.close()
      stopListening()
      await node.stop()
    },
  }
}

const subscribed = new WeakMap<Client, AbortController>()

async function answer(node: LinnetNode, method: string, params: Params, client: Client): Promise<unknown> {
  if (method === 'subscribe') return subscribe(node, params, client)
  if (method === 'unsubscribe') {
    subscribed.get(client)?.abort()
    return { subscribed: false }
  }
  if (!isMethod(method)) throw new RpcFault(rpcCode.methodNotFound, `there is no method “${method.slice(0, 40)}”`)
  return perform(node, method, params)
}

function subscribe(node: LinnetNode, params: Params, client: Client): { readonly subscribed: true } {
  const after = params['after'] ?? 0
  if (typeof after !== 'number' || !Number.isSafeInteger(after)) {
    throw new RpcFault(rpcCode.invalidParams, '“after” takes the number of the last event had')
  }
  subscribed.get(client)?.abort()
  const stop = new AbortController()
  subscribed.set(client, stop)
  void pump(node, after, client, AbortSignal.any([stop.signal, client.gone]))
  return { subscribed: true }
}

/** Each event waits for the one before to be taken, so a client that does not read costs one line of memory. */
async function pump(node: LinnetNode, after: number, client: Client, signal: AbortSignal): Promise<void> {
  try {
    for await (const one of feed(node, after, signal)) await client.write(notificationLine('event', one))
  } catch {
    return // The client has gone, or the node has stopped; both are told elsewhere.
  }
}
