/**
 * Which provider this build runs on: the one line a port changes. A bundler for an engine without node:crypto points it
 * at `portableProvider`.
 */
import { nodeProvider } from './provider-node.ts'
import type { Provider } from './provider.ts'

export const provider: Provider = nodeProvider
