/**
 * Speaks to the process that owns a profile. Says whether there is one at all (a socket file alone proves nothing), and
 * tells one that does not answer from one that has gone. What to ask is the caller's.
 */
import { createConnection, type Socket } from 'node:net'
import { CliError, exitCode } from '../exit.ts'
import { LineSplitter } from './lines.ts'
import { endOfRpcError, isObject, requestLine, rpcCode } from './rpc.ts'

/** A process that is alive answers a ping within milliseconds; a busy machine may need longer. */
const pingMsMax = 4_000

/** The owner went away: before it began on the request (`begun` false), or perhaps after. */
export class OwnerGone extends CliError {
  readonly begun: boolean

  constructor(begun: boolean) {
    const message = 'the process that owns this profile ended before it answered'
    super(exitCode.inUse, 'owner-gone', begun ? `${message}; look before you repeat what you asked` : message)
    this.begun = begun
  }
}

interface Pending {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

export class Connection {
  readonly #socket: Socket
  readonly #lines = new LineSplitter()
  readonly #pending = new Map<number, Pending>()
  #nextId = 1
  #lost = false
  /** The owner has said goodbye: whatever it has not answered by then it did not begin on. */
  #dismissed = false
  /** Called with each notification's fields. */
  onNotification: (method: string, params: unknown) => void = () => undefined
  onLost: () => void = () => undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => this.#end())
  }

  call(method: string, params: object): Promise<unknown> {
    if (this.#lost) return Promise.reject(new OwnerGone(false))
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      this.#socket.write(requestLine(id, method, params))
    })
  }

  /** Stops reading, so that the owner's notifications wait at its end. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    try {
      for (const line of this.#lines.push(chunk)) this.#take(JSON.parse(line) as unknown)
    } catch {
      this.#socket.destroy() // Not our protocol: no answer can be expected from it.
    }
  }

  #take(answer: unknown): void {
    if (!isObject(answer)) throw new Error('not an answer')
    if (answer['method'] === 'closing') this.#dismissed = true
    if (typeof answer['method'] === 'string') return this.onNotification(answer['method'], answer['params'])
    const pending = this.#pending.get(answer['id'] as number)
    if (pending === undefined) return
    this.#pending.delete(answer['id'] as number)
    const { error } = answer
    if (error === undefined) pending.resolve(answer['result'])
    else if (isObject(error) && error['code'] === rpcCode.closing) pending.reject(new OwnerGone(false))
    else pending.reject(endOfRpcError(error))
  }

  #end(): void {
    this.#lost = true
    for (const pending of this.#pending.values()) pending.reject(new OwnerGone(!this.#dismissed))
    this.#pending.clear()
    this.onLost()
  }
}

/** A connection to the owner, which has answered once; undefined when nobody listens. */
export async function findOwner(path: string): Promise<Connection | undefined> {
  const socket = await dial(path)
  if (socket === undefined) return undefined
  const connection = new Connection(socket)
  try {
    await within(connection.call('ping', {}), pingMsMax, path)
    return connection
  } catch (error) {
    connection.close()
    if (error instanceof OwnerGone) return undefined
    throw error
  }
}

/** Nothing there, a file whose process is dead, or a process that is just closing. EAGAIN is one that is stuck. */
const nobodyThere = new Set([undefined, 'ENOENT', 'ENOTDIR', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'])

function dial(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path)
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (nobodyThere.has(error.code)) resolve(undefined)
      else if (error.code === 'EACCES' || error.code === 'EPERM') reject(notAllowed(path))
      else reject(notAnswering(path, error.code ?? 'unreachable'))
    })
  })
}

async function within<T>(promise: Promise<T>, ms: number, path: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(notAnswering(path, `nothing in ${ms / 1_000} s`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

function notAllowed(path: string): CliError {
  return new CliError(exitCode.usage, 'machine', `${path} is another user's: run this as the user it belongs to`)
}

function notAnswering(path: string, what: string): CliError {
  const message = `another process owns this profile and does not answer on ${path} (${what}): end it, then try again`
  return new CliError(exitCode.inUse, 'in-use', message)
}
