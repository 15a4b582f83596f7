import { z } from 'zod'
import { assetIdSchema } from './asset.ts'
import { type Calibration, calibrationSchema } from './calibration.ts'
import { deviceIdSchema } from './id.ts'
import { say } from './issue.ts'
import { formatTime, timeSchema } from './time.ts'

/** Which of a device's inputs, as an installation names it: 1 to 64 characters. */
export const channelSchema = z
  .string()
  .min(1)
  .max(64)
  .regex(/^\P{Cc}*$/u, {
    error: say({ fr: 'une voie sans caractère de contrôle', en: 'expected a channel without control characters' }),
  })

/**
 * What was on which asset when: `[installedAt, removedAt)` in UTC epoch milliseconds, `removedAt` null while it is
 * there; `channel` null stands for the whole device.
 */
export type Installation = {
  id: string
  deviceId: string
  assetId: string
  channel: string | null
  installedAt: number
  removedAt: number | null
  calibration: Calibration | null
  /** When this was written down, which may be long after `installedAt`. */
  recordedAt: number
}

/** An installation, as the API tells it. */
export const installationSchema = z.object({
  id: z.string(),
  deviceId: z.string(),
  assetId: z.string(),
  channel: z.string().nullable(),
  installedAt: z.string(),
  removedAt: z.string().nullable(),
  calibration: calibrationSchema.nullable(),
  recordedAt: z.string().describe('When this was written down.'),
})

/** An installation with its times as the API tells them. */
export function toInstallationJson(installation: Installation): z.infer<typeof installationSchema> {
  const { installedAt, removedAt, recordedAt } = installation
  return {
    ...installation,
    installedAt: formatTime(installedAt),
    removedAt: removedAt === null ? null : formatTime(removedAt),
    recordedAt: formatTime(recordedAt),
  }
}

/** What an installation is made from; without `installedAt`, now. Times become UTC epoch milliseconds. */
export const newInstallationSchema = z.strictObject({
  deviceId: deviceIdSchema,
  assetId: assetIdSchema,
  channel: channelSchema.nullable().optional(),
  installedAt: timeSchema.optional(),
  removedAt: timeSchema.nullable().optional(),
  calibration: calibrationSchema.nullable().optional(),
})
export type NewInstallation = z.infer<typeof newInstallationSchema>

/** What may be corrected of an installation; what is left out stays. */
export const installationPatchSchema = z
  .strictObject({
    deviceId: deviceIdSchema,
    assetId: assetIdSchema,
    channel: channelSchema.nullable(),
    installedAt: timeSchema,
    removedAt: timeSchema.nullable(),
    calibration: calibrationSchema.nullable(),
  })
  .partial()
export type InstallationPatch = z.infer<typeof installationPatchSchema>

/** One device in the place of another: the old one is named, or found by the asset that it is on. Without `at`, now. */
export const swapSchema = z.strictObject({
  oldDeviceId: deviceIdSchema.optional(),
  assetId: assetIdSchema.optional(),
  newDeviceId: deviceIdSchema,
  at: timeSchema.optional(),
  calibration: calibrationSchema.nullable().optional().describe('That of the old device goes on when left out.'),
})
export type Swap = z.infer<typeof swapSchema>
