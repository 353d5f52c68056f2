// Runs before the first paint, so that the theme does not flash.
import { applySettings } from './settings.js';

applySettings();
