import { defineConfig, type ViteUserConfig } from 'vitest/config'

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real networks and real processes against other implementations: `npm run test:interop`.
    exclude: ['test/interop/**'],
    environment: 'node',
    // Stories in test/e2e start processes and kill them; a property test may draw many thousand cases.
    testTimeout: 120_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default'],
  },
})

export default config
