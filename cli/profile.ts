/**
 * Reaches a profile, whoever runs it: speaks to the process that owns it, or, with none running, becomes that process for
 * as long as the command needs. Survives a change of owner: when the one spoken to ends, the next call finds the next.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { StoredEvent } from '../node/index.ts'
import type { Calls, Method } from './control/methods.ts'
import { findOwner, OwnerGone, type Connection } from './control/client.ts'
import { isObject } from './control/rpc.ts'
import { CliError, endOf, exitCode, isNodeError } from './exit.ts'
import type { Job } from './job.ts'
import { dirOf, lookInto, openNode, own, socketOf, type Holder } from './owner.ts'

/** An owner that is just starting or ending has no socket for so long at most. */
const changeOfOwnerMsMax = 6_000
const lookAgainMs = 100

/** Asking these twice does no harm, so they may be repeated when nobody knows whether the first was heard. */
const repeatable: ReadonlySet<Method> = new Set<Method>([
  'ping',
  'id',
  'contacts',
  'accept',
  'safety-numbers',
  'verify',
  'block',
  'rename',
  'history',
  'why',
  'doctor',
  'typing',
  'receive',
  'acknowledge',
])

/** As a holder; its calls also reject when the user asks to end. */
export type Profile = Holder

/**
 * `reading`: what is kept is enough; with no process running, none needs to go online for it. `online`: for as long as the
 * command takes. `staying`: until it is told to end, so others need not wait for it to go.
 */
export type Need = 'reading' | 'online' | 'staying'

export async function openProfile(job: Job, need: Need = 'online'): Promise<Profile> {
  let holder = await hold(job, need)
  let changing: Promise<Holder> | undefined
  const change = async (gone: Holder): Promise<void> => {
    if (holder !== gone) return
    changing ??= hold(job, need).finally(() => (changing = undefined))
    holder = await changing
  }
  return {
    get here() {
      return holder.here
    },
    call: async <M extends Method>(method: M, params: Calls[M]['params']): Promise<Calls[M]['result']> => {
      for (;;) {
        const asked = holder
        try {
          return await job.ending.race(asked.call(method, params))
        } catch (error) {
          if (!(error instanceof OwnerGone) || (error.begun && !repeatable.has(method))) throw error
          await change(asked)
        }
      }
    },
    events: (after, signal) => lastingEvents(after, signal, () => holder, change),
    close: () => holder.close(),
  }
}

/** Opens the profile, does the work, and closes it whatever happens. */
export async function withProfile<T>(
  job: Job,
  work: (profile: Profile) => Promise<T>,
  need: Need = 'online',
): Promise<T> {
  const profile = await openProfile(job, need)
  try {
    return await work(profile)
  } finally {
    await profile.close()
  }
}

async function* lastingEvents(
  after: number,
  signal: AbortSignal,
  current: () => Holder,
  change: (gone: Holder) => Promise<void>,
): AsyncGenerator<StoredEvent> {
  let last = after
  while (!signal.aborted) {
    const asked = current()
    try {
      for await (const one of asked.events(last, signal)) {
        last = one.seq
        yield one
      }
    } catch (error) {
      if (!(error instanceof OwnerGone)) throw error
      if (!signal.aborted) await change(asked)
    }
  }
}

async function hold(job: Job, need: Need): Promise<Holder> {
  const path = socketOf(job)
  const giveUpAt = Date.now() + changeOfOwnerMsMax
  for (;;) {
    job.ending.signal.throwIfAborted()
    const connection = await findOwner(path)
    if (connection !== undefined) return speakTo(job, path, connection)
    try {
      const node = await openNode(job)
      return need === 'reading' ? lookInto(node) : await own(job, node, need === 'staying')
    } catch (error) {
      if (!isNodeError(error) || error.reason !== 'in-use') throw explained(error, job)
      if (Date.now() > giveUpAt) throw unreachable(job)
    }
    await delay(lookAgainMs)
  }
}

function speakTo(job: Job, path: string, connection: Connection): Holder {
  for (const key of ['relay', 'listen', 'announce'] as const) {
    if (job.settings.sources.get(key) !== 'flag') continue
    job.output.tell(`--${key} has no effect: a running process owns this profile and keeps what it was started with`)
  }
  return {
    here: false,
    call: async <M extends Method>(method: M, params: Calls[M]['params']): Promise<Calls[M]['result']> =>
      (await connection.call(method, params)) as Calls[M]['result'],
    events: (after, signal) => remoteEvents(path, after, signal),
    close: async () => connection.close(),
  }
}

/** Events read but not yet taken by the caller, beyond which the socket is not read. */
const queuedMax = 200

/** On a connection of its own, so that it can be held back without holding up answers. */
async function* remoteEvents(path: string, after: number, signal: AbortSignal): AsyncGenerator<StoredEvent> {
  const connection = await findOwner(path)
  if (connection === undefined) throw new OwnerGone(false)
  const queue: StoredEvent[] = []
  let ring: () => void = () => undefined
  let lost = false
  connection.onNotification = (method, params) => {
    if (method === 'event' && isStoredEvent(params)) queue.push(params)
    if (queue.length > queuedMax) connection.pause()
    ring()
  }
  connection.onLost = () => {
    lost = true
    ring()
  }
  const onAbort = (): void => ring()
  signal.addEventListener('abort', onAbort)
  try {
    await connection.call('subscribe', { after })
    while (!signal.aborted) {
      const bell = new Promise<void>((resolve) => (ring = resolve))
      const next = queue.shift()
      if (next !== undefined) yield next
      else if (lost) throw new OwnerGone(false)
      else {
        connection.resume()
        await bell
      }
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    connection.close()
  }
}

function isStoredEvent(value: unknown): value is StoredEvent {
  return isObject(value) && typeof value['seq'] === 'number' && isObject(value['event'])
}

function unreachable(job: Job): CliError {
  const message = `another process owns the profile in ${dirOf(job)} and has no control socket: end it, then try again`
  return new CliError(exitCode.inUse, 'in-use', message)
}

/** Says what to do where the node can only say what is wrong. */
function explained(error: unknown, job: Job): unknown {
  if (!isNodeError(error)) return error
  const end = endOf(error)
  switch (error.reason) {
    case 'no-profile':
      return new CliError(
        end.code,
        end.reason,
        `there is no profile in ${dirOf(job)} yet: linnet init --name YOUR-NAME`,
      )
    case 'lost-store':
      return new CliError(end.code, end.reason, `${end.message}: linnet init --name YOUR-NAME`)
    case 'passphrase-needed':
      return new CliError(
        end.code,
        end.reason,
        'this profile has a passphrase: use --passphrase-file or LINNET_PASSPHRASE',
      )
    default:
      return error
  }
}
