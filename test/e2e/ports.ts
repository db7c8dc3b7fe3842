/**
 * A TCP port that is free now, so that a killed process can come back on the same one. Not one of those from which the system
 * gives ports to whoever connects: other tests do so all the time, and would have it before the process listens.
 */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

const [lowest, beyond] = [10_240, 32_768]
const triesMax = 50

export async function freePort(): Promise<number> {
  for (let tries = 0; tries < triesMax; tries++) {
    const port = randomInt(lowest, beyond)
    if (await isFree(port)) return port
  }
  throw new Error(`of ${triesMax} ports none was free`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
