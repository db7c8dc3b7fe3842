/** Compiles the shim of `power-cut.c` and puts a process behind it. Needs a C compiler, as `cc`. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const noCompiler = 'a C compiler (cc) and Linux are needed for the power-cut model'

/** The compiled shim, or undefined where it cannot be made. */
export function compileShim(): string | undefined {
  if (process.platform !== 'linux') return undefined
  const library = join(mkdtempSync(join(tmpdir(), 'linnet-cut-')), 'power-cut.so')
  const source = fileURLToPath(new URL('./power-cut.c', import.meta.url))
  const { status } = spawnSync('cc', ['-O2', '-Wall', '-shared', '-fPIC', '-o', library, source, '-ldl'])
  return status === 0 ? library : undefined
}

/** A data directory behind the shim, and the directory with what a power cut would leave of it. */
export interface Powered {
  readonly dataDir: string
  readonly env: NodeJS.ProcessEnv
  /** While this file holds the number of an error, writing fails with it. */
  readonly fail: string
  /** To be called when the process is gone: from here on only what was synced is there. */
  cut(): void
}

export function powered(shim: string, root: string): Powered {
  const [dataDir, kept, fail] = [join(root, 'data'), join(root, 'kept'), join(root, 'fail')]
  mkdirSync(dataDir, { recursive: true })
  mkdirSync(kept, { recursive: true })
  return {
    dataDir,
    fail,
    env: { LD_PRELOAD: shim, CUT_WATCH: dataDir, CUT_KEEP: kept, CUT_FAIL: fail },
    cut: () => {
      for (const name of readdirSync(kept)) if (name.endsWith('.draft')) rmSync(join(kept, name)) // Cut off in the copying.
      rmSync(dataDir, { recursive: true })
      cpSync(kept, dataDir, { recursive: true })
    },
  }
}
