import { z } from 'zod'
import { assetKindNames, attributeValueSchema, maxAttributes } from './asset-kind.ts'
import { deviceIdSchema } from './id.ts'
import { say } from './issue.ts'
import { line } from './text.ts'

/** Where an asset is in its life. Only one in service is expected to be heard of. */
export const assetLifeCycles = ['planned', 'in_service', 'stored', 'out_of_service', 'disposed'] as const
export type AssetLifeCycle = (typeof assetLifeCycles)[number]

/** Where an asset may go from where it is. A disposed one comes back only when its exit was recorded by mistake. */
export const assetMoves: Readonly<Record<AssetLifeCycle, readonly AssetLifeCycle[]>> = {
  planned: ['in_service', 'stored', 'disposed'],
  in_service: ['stored', 'out_of_service', 'disposed'],
  stored: ['in_service', 'out_of_service', 'disposed'],
  out_of_service: ['in_service', 'stored', 'disposed'],
  disposed: ['out_of_service'],
}

/** How an asset holds up, as who stands before it sees it. */
export const assetConditions = ['new', 'good', 'fair', 'poor', 'unusable'] as const
export type AssetCondition = (typeof assetConditions)[number]

/** Where a device is in its life: `stored` waits on a shelf, `out_of_service` is being mended. */
export const deviceLifeCycles = ['stored', 'active', 'out_of_service', 'revoked', 'disposed'] as const
export type DeviceLifeCycle = (typeof deviceLifeCycles)[number]

/** Those that may not connect any more. */
export const barredLifeCycles: readonly DeviceLifeCycle[] = ['revoked', 'disposed']

/** Where a device may go from where it is. A disposed one comes back to the shelf, when that was a mistake. */
export const deviceMoves: Readonly<Record<DeviceLifeCycle, readonly DeviceLifeCycle[]>> = {
  stored: ['active', 'out_of_service', 'revoked', 'disposed'],
  active: ['stored', 'out_of_service', 'revoked', 'disposed'],
  out_of_service: ['stored', 'active', 'revoked', 'disposed'],
  revoked: ['stored', 'active', 'out_of_service', 'disposed'],
  disposed: ['stored'],
}

/** What is asked of an asset first: is it well? `silent` and `never_seen` are about its devices. */
export const assetStates = ['working', 'attention', 'silent', 'never_seen', 'out_of_service'] as const
export type AssetState = (typeof assetStates)[number]

/** An asset's id: what a device's id may be, so that it can stand in an address. */
export const assetIdSchema = deviceIdSchema

const attributesSchema = z
  .record(line(64), attributeValueSchema)
  .refine((attributes) => Object.keys(attributes).length <= maxAttributes, {
    error: say({ fr: `${maxAttributes} attributs au plus`, en: `expected at most ${maxAttributes} attributes` }),
  })

// A day of the calendar, without a clock: what accounts and warranties count by.
const dateSchema = z.iso.date({
  error: say({ fr: 'une date comme 2026-03-31', en: 'expected a date such as 2026-03-31' }),
})

const latitude = z.number().min(-90).max(90)
const longitude = z.number().min(-180).max(180)

/** A service of the authority, by its name. */
export const serviceSchema = line(120)

const assetFields = {
  id: assetIdSchema,
  kind: z.enum(assetKindNames),
  label: line(200),
  // The ordonnateur's numéro d'inventaire has at most 25 characters.
  inventoryNumber: line(25).nullable(),
  latitude: latitude.nullable(),
  longitude: longitude.nullable(),
  address: line(300).nullable(),
  district: line(120).nullable(),
  commune: line(120).nullable(),
  service: serviceSchema.nullable(),
  parentId: assetIdSchema.nullable(),
  lifeCycle: z.enum(assetLifeCycles),
  condition: z.enum(assetConditions).nullable(),
  acquiredOn: dateSchema.nullable(),
  commissionedOn: dateSchema.nullable(),
  warrantyUntil: dateSchema.nullable(),
  disposedOn: dateSchema.nullable(),
  attributes: attributesSchema,
}

/** An asset, as the API tells it. */
export const assetSchema = z.object(assetFields)
export type Asset = z.infer<typeof assetSchema>

/** What an asset is made from. */
export const newAssetSchema = z
  .strictObject({
    ...assetFields,
    // A text here, so that an unknown kind is told as such.
    kind: z.string(),
    inventoryNumber: assetFields.inventoryNumber.optional(),
    latitude: assetFields.latitude.optional(),
    longitude: assetFields.longitude.optional(),
    address: assetFields.address.optional(),
    district: assetFields.district.optional(),
    commune: assetFields.commune.optional(),
    service: assetFields.service.optional(),
    parentId: assetFields.parentId.optional(),
    lifeCycle: assetFields.lifeCycle.optional(),
    condition: assetFields.condition.optional(),
    acquiredOn: assetFields.acquiredOn.optional(),
    commissionedOn: assetFields.commissionedOn.optional(),
    warrantyUntil: assetFields.warrantyUntil.optional(),
    disposedOn: assetFields.disposedOn.optional(),
    attributes: assetFields.attributes.optional(),
  })
  .refine((asset) => (asset.latitude == null) === (asset.longitude == null), {
    error: say({
      fr: 'la latitude et la longitude vont ensemble : donnez les deux, ou aucune',
      en: 'latitude and longitude go together',
    }),
    path: ['longitude'],
  })
export type NewAsset = z.infer<typeof newAssetSchema>

/** One line of a file of assets: what it names of an asset, and what it says of a device that is on it. */
export const assetLineSchema = z.strictObject({
  ...z.object(assetFields).partial().shape,
  id: assetIdSchema,
  kind: z.string().optional(),
  deviceId: deviceIdSchema.optional(),
  deviceModel: z.string().min(1).max(128).optional(),
  channel: z.string().min(1).max(64).optional(),
  installedAt: z.number().optional(),
})
export type AssetLine = z.infer<typeof assetLineSchema>

/** What may be changed of an asset; what is left out stays. */
export const assetPatchSchema = z
  .strictObject(assetFields)
  .omit({ id: true, kind: true })
  .extend({ kind: z.string() })
  .partial()
export type AssetPatch = z.infer<typeof assetPatchSchema>

// A year: a device that speaks less often than that is not watched.
const expectedIntervalS = z.number().int().min(1).max(31_622_400)

const deviceFields = {
  id: deviceIdSchema,
  model: z.string().min(1).max(128),
  label: line(200).nullable(),
  expectedIntervalS: expectedIntervalS.nullable(),
  lifeCycle: z.enum(deviceLifeCycles),
  service: serviceSchema.nullable().describe('That it belongs to, wherever it hangs; null for nobody’s.'),
}

/**
 * A device, as the register keeps it: `expectedIntervalS` null stands for what is learned, or its model's; `secretSetAt`
 * in UTC epoch milliseconds.
 */
export type Device = z.infer<z.ZodObject<typeof deviceFields>> & { secretSetAt: number | null }

/** A device, as the API tells it. */
export const deviceSchema = z.object({
  ...deviceFields,
  learnedIntervalS: z.number().int().nullable().describe('How often it speaks, as its last messages tell.'),
  effectiveIntervalS: z.number().int().describe('What silence is judged by: as set, else learned, else its model’s.'),
  lastSeenAt: z.string().nullable().meta({ format: 'date-time' }),
  secretSetAt: z.string().nullable().meta({ format: 'date-time' }),
})
export type DeviceDetail = z.infer<typeof deviceSchema>

/** What a device is made from. Without `secret`, Parvis generates one. */
export const newDeviceSchema = z.strictObject({
  id: deviceFields.id,
  model: deviceFields.model,
  label: deviceFields.label.optional(),
  expectedIntervalS: deviceFields.expectedIntervalS.optional(),
  service: deviceFields.service.optional(),
  lifeCycle: deviceFields.lifeCycle.optional(),
  secret: z.string().optional(),
})
export type NewDevice = z.infer<typeof newDeviceSchema>

/** What may be changed of a device; what is left out stays. */
export const devicePatchSchema = z.strictObject(deviceFields).omit({ id: true }).partial()
export type DevicePatch = z.infer<typeof devicePatchSchema>

/** One line of a file of devices; what it says of an installation makes one. */
export const deviceLineSchema = newDeviceSchema.extend({
  assetId: assetIdSchema.optional(),
  channel: z.string().min(1).max(64).optional(),
  installedAt: z.number().optional(),
})
export type DeviceLine = z.infer<typeof deviceLineSchema>
