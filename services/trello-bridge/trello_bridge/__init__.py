"""Cards of a Trello board as tasks of the swarm."""
