// Runs before the first paint, so that the theme does not flash.
import { applyTheme } from './theme.js';

applyTheme();
