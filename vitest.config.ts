import { defineConfig } from 'vitest/config'

// What works on the registry is tested on every database that it may stand in.
const onTheRegistry = [
  'tests/inventory/**/*.test.ts',
  'tests/store/{registry,credentials,audit}*.test.ts',
  'tests/platform-on-postgresql.test.ts',
  'tests/api/{access,accounts,inventory,ingest,credentials,scope}.test.ts',
]

const common = {
  pool: 'forks',
  // Where others work beside it, a command that takes half a second takes five.
  testTimeout: 60_000,
  hookTimeout: 120_000,
  // What is awaited comes when it comes: the second that is usual is a race where others work beside it.
  expect: { poll: { timeout: 20_000 } },
} as const

export default defineConfig({
  test: {
    globalSetup: 'tests/support/real-parts.ts',
    // Vitest leaves one core to itself; on two, half of the machine would wait.
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...common,
          name: 'parvis',
          include: ['tests/**/*.test.ts'],
          exclude: [
            'tests/trials/**',
            'tests/platform-on-postgresql.test.ts',
            'tests/dashboards/web/**',
            'node_modules/**',
          ],
        },
      },
      {
        test: {
          ...common,
          name: 'pages',
          // A browser that draws by software takes its time where others work beside it.
          testTimeout: 120_000,
          include: ['tests/dashboards/web/**/*.test.ts'],
          globalSetup: 'tests/support/with-pages.ts',
        },
      },
      {
        test: {
          ...common,
          name: 'postgresql',
          include: onTheRegistry,
          exclude: ['tests/inventory/csv.test.ts'],
          globalSetup: 'tests/support/with-postgresql.ts',
        },
      },
    ],
  },
})
