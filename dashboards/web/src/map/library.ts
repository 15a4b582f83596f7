import 'maplibre-gl/dist/maplibre-gl.css'
import { MapLibreMap, Marker, NavigationControl, Popup, ScaleControl, setWorkerUrl } from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url'

/* The library of maps, with its worker from this origin: loaded by who opens a map, and nobody else. */

setWorkerUrl(workerUrl)

export { MapLibreMap, Marker, NavigationControl, Popup, ScaleControl }
