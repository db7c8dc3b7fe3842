import { memoryStore } from '../../relay/io/store-memory.ts'
import { storeContract } from './store-contract.ts'

storeContract('memory', (limits) =>
  Promise.resolve(
    memoryStore({
      limits,
      failed: (error) => {
        throw error
      },
    }),
  ),
)
