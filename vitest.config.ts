import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['tests/trials/**', 'node_modules/**'],
    globalSetup: 'tests/support/real-parts.ts',
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
})
