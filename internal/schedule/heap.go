package schedule

// heap is a binary heap of jobs, each of which knows its position. All of them are in the same place.
type heap struct{ ids []ID }

func (h *heap) push(s *Schedule, id ID) {
	h.ids = append(h.ids, id)
	h.up(s, len(h.ids)-1)
}

// remove takes out the job at a position.
func (h *heap) remove(s *Schedule, position int32) {
	i, last := int(position), len(h.ids)-1
	moved := h.ids[last]
	h.ids = h.ids[:last]
	if i == last {
		return
	}
	h.set(s, i, moved)
	h.up(s, i)
	h.down(s, int(s.items.At(moved).position))
}

func (h *heap) set(s *Schedule, i int, id ID) {
	h.ids[i] = id
	s.items.At(id).position = int32(i)
}

// up moves the job at i towards the root.
func (h *heap) up(s *Schedule, i int) {
	id := h.ids[i]
	for i > 0 {
		parent := (i - 1) / 2
		if !s.before(id, h.ids[parent]) {
			break
		}
		h.set(s, i, h.ids[parent])
		i = parent
	}
	h.set(s, i, id)
}

// down moves the job at i away from the root.
func (h *heap) down(s *Schedule, i int) {
	id := h.ids[i]
	for {
		child := 2*i + 1
		if child >= len(h.ids) {
			break
		}
		if child+1 < len(h.ids) && s.before(h.ids[child+1], h.ids[child]) {
			child++
		}
		if !s.before(h.ids[child], id) {
			break
		}
		h.set(s, i, h.ids[child])
		i = child
	}
	h.set(s, i, id)
}
