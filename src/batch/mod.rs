//! The batch's life: start, pause, end, laboratory, disposition, revision; position in the batch.
