/** TLS as the peers are measured with: version 1.3, one ECDSA certificate, nothing resumed, what is said in one turn in one record. */
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'

export interface Certificate {
  readonly cert: string
  readonly key: string
  /** Both in one file. */
  readonly both: string
}

export function makeCertificate(place: string): Certificate {
  const [cert, key, both] = [join(place, 'cert.pem'), join(place, 'key.pem'), join(place, 'both.pem')]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  execFileSync('openssl', ['req', '-x509', ...kind, ...name, '-keyout', key, '-out', cert], { stdio: 'pipe' })
  writeFileSync(both, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'))
  for (const path of [key, both]) chmodSync(path, 0o644) // A server may run as another user; it protects nothing.
  return { cert, key, both }
}

export function dialTls(port: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, servername: 'localhost', minVersion: 'TLSv1.3' } as const
    const socket = connect({ ...options, rejectUnauthorized: false }, () => {
      socket.setNoDelay(true)
      socket.off('error', reject)
      socket.on('error', () => socket.destroy())
      resolve(socket)
    })
    socket.once('error', reject)
  })
}

/** Gathers what is written in one turn. */
export class Outlet {
  readonly #socket: TLSSocket
  #gathered: Uint8Array[] = []

  constructor(socket: TLSSocket) {
    this.#socket = socket
  }

  write(bytes: Uint8Array): void {
    if (this.#gathered.length === 0) queueMicrotask(() => this.#flush())
    this.#gathered.push(bytes)
  }

  #flush(): void {
    const gathered = this.#gathered
    this.#gathered = []
    const [only] = gathered
    if (only !== undefined) this.#socket.write(gathered.length === 1 ? only : Buffer.concat(gathered))
  }

  /** Says goodbye and does not insist on an answer. */
  async end(goodbye: Uint8Array): Promise<void> {
    this.#flush()
    if (this.#socket.destroyed) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#socket.destroy(), 500)
      this.#socket.once('close', () => (clearTimeout(timer), resolve()))
      this.#socket.resume()
      this.#socket.end(goodbye)
    })
  }
}

/** Answers awaited one after another, as every protocol's greeting goes. */
export class Answers<T> {
  readonly #come: T[] = []
  #waiting: ((answer: T) => void) | undefined

  push(answer: T): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting === undefined) this.#come.push(answer)
    else waiting(answer)
  }

  next(): Promise<T> {
    const first = this.#come.shift()
    if (first !== undefined) return Promise.resolve(first)
    return new Promise((resolve) => (this.#waiting = resolve))
  }
}
