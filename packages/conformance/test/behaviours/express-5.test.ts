import { defineTable } from './define-table.js';

defineTable('express 5');
