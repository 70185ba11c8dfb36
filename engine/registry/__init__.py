"""The registry: who subscribes, whose patients, who provides care; in the journal's database."""
