import { assetKindNames } from '../../../domain/asset-kind.ts'
import { quantityNames } from '../../../domain/quantity.ts'
import type { DeviceModel } from '../../model.ts'

export default {
  id: 'generic-json',
  vendor: 'Parvis',
  label: { fr: 'Appareil au JSON de Parvis', en: 'Device that speaks Parvis’s JSON' },
  assetKinds: assetKindNames,
  expectedIntervalS: 3600,
  quantities: quantityNames,
  payload: { format: 'parvis' },
} satisfies DeviceModel
