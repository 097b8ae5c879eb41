"""The verdict on one message: from the cloud's answers to a decision, by the binding table."""
