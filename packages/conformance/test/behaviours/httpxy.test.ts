import { defineTable } from './define-table.js';

defineTable('httpxy');
