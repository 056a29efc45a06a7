-- Only known people: the others would all stand under the empty number, and be compared with each other.
DROP INDEX persons_atena;
CREATE INDEX persons_known ON persons (core_system, atena_no) WHERE atena_no != '';
-- A ZIP does not get smaller.
ALTER TABLE packages ALTER COLUMN body SET STORAGE EXTERNAL;
