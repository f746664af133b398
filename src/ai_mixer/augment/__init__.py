"""What is changed in an example afterwards, without making its knobs untrue."""
