ALTER TABLE applications ADD COLUMN resident_told_at TIMESTAMP WITH TIME ZONE;
CREATE TABLE erased (
  receipt_no TEXT NOT NULL,
  procedure_id TEXT NOT NULL,
  erased_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (receipt_no)
);
