/** A relay as its operator runs it, with a log and a monitor, that ends with the test. */
import { operateRelay, type Operated } from '../../relay/operation/operate.ts'
import { readSettings } from '../../relay/operation/settings.ts'
import { atEnd, temporaryDirectory } from './temporary.ts'

export interface Site extends Operated {
  readonly address: string
  readonly lines: readonly string[]
  readonly get: (path: string) => Promise<{ status: number; text: string }>
}

export async function site(text = '', dataDir?: string): Promise<Site> {
  const said = `${text}\n[network]\nlisten = ["/ip4/127.0.0.1/tcp/0"]\n[monitor]\nlisten = "127.0.0.1:0"\n[log]\nlevel = "info"`
  const read = readSettings({ text: said, env: {} })
  if (!read.ok) throw new Error(read.complaints.join())
  const lines: string[] = []
  const operated = await operateRelay({
    dataDir: dataDir ?? (await temporaryDirectory()),
    settings: read.settings,
    logTo: { write: (line) => void lines.push(line) },
  })
  atEnd(() => operated.stop())
  await operated.start()
  const { relay, stop } = operated
  const monitor = operated.monitor ?? ''
  return {
    relay,
    monitor,
    stop,
    lines,
    address: relay.addresses[0] ?? '',
    get: async (path) => {
      const response = await fetch(`${monitor}${path}`)
      return { status: response.status, text: await response.text() }
    },
  }
}
