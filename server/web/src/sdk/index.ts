/** The parts of the calendar in a browser that others can build on. See README.md. */

export { openConflicts } from './conflicts'
export { openCalendar } from './model/calendar'
export { openLineup } from './model/lineup'
export { colorOf } from './presence'
export { openProject } from './project'
export * from './types'
