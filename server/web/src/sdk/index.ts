/** The parts of the calendar in a browser that others can build on. See README.md. */

export { openConflicts } from './conflicts'
export { openCalendar } from './model/calendar'
export { colorOf } from './presence'
export { openProject } from './project'
export * from './types'
