"""Files that a power cut leaves whole: the agent, the servers, the city's keys and the simulator write through here."""
